import { containers } from '../../shared/names';
import { createMappingFiles } from '../../shared/mapping/file.client';
import { useStore } from '../support/store';

const { account } = useStore();

describe('mapping files', () => {
  it('are one per connector, and their versions differ', async () => {
    const files = createMappingFiles(account.container(containers.mappings));
    expect(await files.read('whatsapp')).toBeUndefined();
    expect(await files.version('whatsapp')).toBeUndefined();
    await files.write('whatsapp', Buffer.from('first'));
    const first = await files.version('whatsapp');
    await files.write('whatsapp', Buffer.from('second'));
    expect((await files.read('whatsapp'))?.bytes.toString()).toBe('second');
    expect(await files.version('whatsapp')).not.toBe(first);
  });
});
