import { isComplete, propertyIds } from '../../shared/email/provenance';

describe('isComplete', () => {
  test('finds the mark, however Exchange spells the id', () => {
    const id = 'STRING {5D1C3D6A-0F5E-4C58-9A8E-6F3F6B7F2A41}  name Complete';
    expect(isComplete({ singleValueExtendedProperties: [{ id, value: 'yes' }] })).toBe(true);
  });

  test.each([
    {},
    { singleValueExtendedProperties: null },
    { singleValueExtendedProperties: [] },
    { singleValueExtendedProperties: [{ id: propertyIds.complete, value: 'no' }] },
    { singleValueExtendedProperties: [{ id: propertyIds.itemKey, value: 'yes' }] },
    { singleValueExtendedProperties: [{ id: propertyIds.complete.replace('Comp', 'comp'), value: 'yes' }] },
  ])('does not find the mark in %j', (message) => {
    expect(isComplete(message)).toBe(false);
  });
});
