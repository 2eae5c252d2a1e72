import { sourceMessage } from '../../shared/telemessage/message';

const required = {
  messageId: '1_1',
  gatewayReceivedDate: '2026-11-20T05:00:00Z',
  sourceType: 'WHATSAPP_ARCHIVER',
};
const read = (fields: Record<string, unknown>) => sourceMessage.parse({ ...required, ...fields });
const isRefused = (fields: Record<string, unknown>) =>
  !sourceMessage.safeParse({ ...required, ...fields }).success;
const optional = [
  'usersEmailAddress mime messageContext messageTime direction from to fromEnriched toEnriched groupMessage',
  'dialogGroupName dialogGroupId subject textContent attachment callInfo',
].flatMap((line) => line.split(' '));

describe('the archived message', () => {
  test('needs only an id, an arrival time and a source', () => {
    expect(read({})).toMatchObject({ messageId: '1_1', usersEmailAddress: [], to: [], attachment: [] });
  });

  test.each(optional)('is read when %s is null', (field) => {
    expect(read({ [field]: null })).toEqual(read({ [field]: undefined }));
  });

  test.each(Object.keys(required))('is refused without %s', (field) => {
    expect(isRefused({ [field]: undefined })).toBe(true);
    expect(isRefused({ [field]: null })).toBe(true);
  });

  test('is read without null entries among participants, and with plain text as an address or a number', () => {
    const known = { mobileNumber: '46701740605', emailAddress: 'anna@contoso.com', firstName: 'Anna' };
    const { usersEmailAddress } = read({
      usersEmailAddress: [null, known, 'bo@contoso.com', 46701740606, { mobileNumber: null }],
    });
    expect(usersEmailAddress).toEqual([
      known,
      { emailAddress: 'bo@contoso.com' },
      { mobileNumber: '46701740606' },
      {},
    ]);
    expect(read({ usersEmailAddress: 'bo@contoso.com' }).usersEmailAddress).toEqual([
      { emailAddress: 'bo@contoso.com' },
    ]);
    expect(read({ usersEmailAddress: known }).usersEmailAddress).toEqual([known]);
  });

  test('shows a value of an unexpected type as its JSON', () => {
    const { usersEmailAddress, subject, direction, callInfo, to } = read({
      usersEmailAddress: [{ emailAddress: ['anna@contoso.com'] }],
      subject: { text: 'Lunch' },
      direction: false,
      callInfo: 'Missed',
      to: [null, '46701740606', { value: '46701740607' }],
    });
    expect(usersEmailAddress).toEqual([{ emailAddress: '["anna@contoso.com"]' }]);
    expect(subject).toBe('{"text":"Lunch"}');
    expect(direction).toBe('false');
    expect(callInfo).toEqual({ callStatus: 'Missed' });
    expect(to).toEqual(['46701740606', '{"value":"46701740607"}']);
  });

  test('takes plain text for a name where a name belongs', () => {
    const { fromEnriched, toEnriched } = read({
      fromEnriched: { value: '46701740605', fullName: 'Anna Ek' },
      toEnriched: [null, { value: '46701740606', fullName: null }],
    });
    expect(fromEnriched).toEqual({ value: '46701740605', fullName: { firstName: 'Anna Ek' } });
    expect(toEnriched).toEqual([{ value: '46701740606' }]);
  });

  test.each([
    [true, true],
    ['true', true],
    [1, true],
    [false, false],
    ['false', false],
    [{ toString: 'true' }, false],
  ])('says with %j whether it belongs to a group', (groupMessage, is) => {
    expect(read({ groupMessage }).groupMessage).toBe(is);
  });

  test.each([
    ['a text', { textContent: { text: 'Lunch?' } }],
    ['a mail', { mime: ['UXVvdGU='] }],
    ['an attachment', { attachment: [null] }],
    ['an attachment', { attachment: ['UXVvdGU='] }],
    ['the content of an attachment', { attachment: [{ content: { base64: 'UXVvdGU=' } }] }],
  ])('is refused, not read without %s: %j', (_what, fields) => {
    expect(isRefused(fields)).toBe(true);
  });

  test('is refused without a crash when a field is nested too deep to be shown', () => {
    const deep = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)) as unknown;
    for (const field of ['subject', 'from', 'callInfo']) expect(isRefused({ [field]: deep })).toBe(true);
    expect(isRefused({ unheardOf: deep })).toBe(false);
  });
});
