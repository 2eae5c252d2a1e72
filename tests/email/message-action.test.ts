import { readMessageAction } from '../../shared/email/message-action';

describe('readMessageAction', () => {
  it.each([
    ['RECALL-', 'recalled'],
    ['DELETE_FOR_ME-', 'deletedForMe'],
    ['DELETE_FOR_ALL-', 'deletedForAll'],
    ['DELETE_ALL_MESSAGES-', 'deleted'],
    ['EDIT-', 'edited'],
  ])('reads %s before the id of the original as %s', (prefix, kind) => {
    expect(readMessageAction(`${prefix}1717128000000_17`)).toEqual({ kind, originalId: '1717128000000_17' });
  });

  it('links the deletion of an edit to the edit', () => {
    expect(readMessageAction('DELETE_FOR_ALL-EDIT-1_2')).toEqual({
      kind: 'deletedForAll',
      originalId: 'EDIT-1_2',
    });
  });

  it.each(['1717128000000_17', 'recall-1_2', 'RECALL-', 'X-RECALL-1_2', ''])(
    'finds no action in "%s"',
    (id) => {
      expect(readMessageAction(id)).toBeUndefined();
    },
  );
});
