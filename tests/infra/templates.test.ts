import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  allOf,
  infra,
  read,
  readTemplates,
  type BicepFile,
  type Declaration,
  type Value,
} from '../support/bicep';

let files: BicepFile[];
beforeAll(async () => {
  files = await readTemplates();
});

const all = (kind: Declaration['kind']) =>
  files.flatMap((file) =>
    file.declarations
      .filter((declaration) => declaration.kind === kind)
      .map((declaration) => ({ file, declaration, at: `${file.name}: ${declaration.name}` })),
  );
const properties = ({ value }: Declaration) => value as Record<string, Value>;

/** https://learn.microsoft.com/azure/role-based-access-control/built-in-roles, as published. */
const publishedRoles: Record<string, string> = {
  blobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
  blobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b',
  blobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1',
  queueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88',
  queueDataReader: '19e7f393-937e-4f77-808e-94535e297925',
  queueDataMessageSender: 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a',
  tableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3',
  tableDataReader: '76199698-9eea-4c19-bc75-cec21354c6b6',
  storageAccountContributor: '17d1049b-9a84-46fb-8f53-869881c3d3ab',
  secretsUser: '4633458b-17de-408a-b874-0445c86b69e6',
  cryptoServiceEncryptionUser: 'e147488a-f6f5-4113-8e2d-b22465e65bf6',
  secretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7',
  logAnalyticsReader: '73c42c96-874c-492b-b04d-ab87d138a893',
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb',
};
const guid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

describe('the templates', () => {
  test('have no syntax error', () => {
    const broken = files.flatMap(({ name, tree }) =>
      [...allOf(tree, 'ERROR')].map(
        (node) => `${name}:${node.startPosition.row + 1} ${node.text.slice(0, 40)}`,
      ),
    );
    expect(broken).toEqual([]);
    expect(files.filter(({ tree }) => tree.hasError).map(({ name }) => name)).toEqual([]);
    expect(files.map(({ name }) => name)).toContain('main.bicep');
  });

  test('say of every resource and module why it is there', () => {
    const silent = [...all('resource'), ...all('module')].filter(({ file, declaration }) => {
      const lines = file.source.split('\n').slice(0, declaration.node.startPosition.row);
      while (lines.at(-1)?.startsWith('@')) lines.pop();
      return !lines.at(-1)?.startsWith('// ');
    });
    expect(silent.map(({ at }) => at)).toEqual([]);
  });

  test('describe every parameter', () => {
    const silent = all('param').filter(({ file, declaration }) => {
      const before = file.source.slice(0, declaration.node.startIndex).split('\n').slice(0, -1);
      while (before.at(-1)?.startsWith('@') && !before.at(-1)?.startsWith('@description(')) before.pop();
      return !before.at(-1)?.startsWith('@description(');
    });
    expect(silent.map(({ at }) => at)).toEqual([]);
  });

  test('use every parameter and variable that they declare', () => {
    const unused = [...all('param'), ...all('var')].filter(
      ({ file, declaration }) =>
        allOf(file.tree, 'identifier').filter(({ text }) => text === declaration.name).length < 2,
    );
    expect(unused.map(({ at }) => at)).toEqual([]);
  });

  test('name well-formed API versions, the same for a type everywhere, none of them a preview without need', () => {
    const versions = new Map<string, Set<string>>();
    for (const { declaration, at } of all('resource')) {
      const [type, version] = declaration.target.split('@');
      expect(`${at} ${type}`).toMatch(/ Microsoft\.\w+(\/\w+)+$/);
      expect(`${at} ${version}`).toMatch(/ 20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(-preview)?$/);
      versions.set(type!, (versions.get(type!) ?? new Set()).add(version!));
    }
    expect([...versions].filter(([, used]) => used.size > 1)).toEqual([]);
    const previews = [...versions].filter(([, [version]]) => version!.endsWith('-preview'));
    // Diagnostic settings have no newer version that is not a preview.
    expect(previews.map(([type]) => type)).toEqual(['Microsoft.Insights/diagnosticSettings']);
  });

  test('give each module the parameters that it has, and all that it needs', () => {
    expect(all('module')).not.toHaveLength(0);
    for (const { declaration, at } of all('module')) {
      const module = files.find(({ name }) => name === declaration.target);
      expect(`${at} ${module ? 'found' : 'missing'}`).toBe(`${at} found`);
      const params = module!.declarations.filter(({ kind }) => kind === 'param');
      const given = Object.keys(properties(declaration)['params'] as object);
      expect(params.map(({ name }) => name)).toEqual(expect.arrayContaining(given));
      expect(given).toEqual(
        expect.arrayContaining(params.filter(({ hasDefault }) => !hasDefault).map(({ name }) => name)),
      );
    }
  });

  test('use every output of a module', () => {
    const main = files.find(({ name }) => name === 'main.bicep')!;
    const used = new Set(
      [...main.source.matchAll(/(\w+)\.\??outputs\.(\w+)/g)].map(([, m, o]) => `${m}.${o}`),
    );
    for (const { declaration } of all('module')) {
      const module = files.find(({ name }) => name === declaration.target)!;
      for (const output of module.declarations.filter(({ kind }) => kind === 'output'))
        expect(used).toContain(`${declaration.name}.${output.name}`);
    }
  });

  const compiler = spawnSync('bicep', ['--version']).status === 0;
  (compiler ? test : test.skip)(
    `pass bicep build and bicep lint without a warning, where bicep is installed (here it is ${compiler ? '' : 'not'})`,
    () => {
      const checked = readdirSync(infra).filter(
        (name) => /\.bicep(param)?$/.test(name) && name !== 'main.bicepparam',
      );
      for (const name of checked) {
        const verb = name.endsWith('param') ? 'build-params' : 'build';
        const built = spawnSync('bicep', [verb, '--stdout', join(infra, name)], { encoding: 'utf8' });
        expect({ name, status: built.status, messages: built.stderr }).toEqual({
          name,
          status: 0,
          messages: '',
        });
        if (verb === 'build') execFileSync('bicep', ['lint', join(infra, name)]);
      }
    },
    120_000,
  );
});

describe('access', () => {
  test('is granted by published role ids, under names that say which', () => {
    const found = new Map<string, string>();
    for (const { declaration } of all('var').filter(({ declaration: { name } }) => name === 'roles'))
      for (const [name, id] of Object.entries(properties(declaration))) found.set(name, id as string);
    for (const [name, id] of found) expect({ [name]: id }).toEqual({ [name]: publishedRoles[name] });
    expect([...found.keys()].sort()).toEqual(Object.keys(publishedRoles).sort());
    const ids = files.flatMap(({ source }) => source.match(guid) ?? []);
    for (const id of ids) expect([...found.values()]).toContain(id);
  });

  test('is granted on single resources, never on the resource group', () => {
    const assignments = all('resource').filter(({ declaration }) =>
      /roleAssignments@/.test(declaration.target),
    );
    expect(assignments.length).toBeGreaterThan(8);
    for (const { declaration, at } of assignments)
      expect({ at, keys: Object.keys(properties(declaration)) }).toEqual({
        at,
        keys: expect.arrayContaining(['scope', 'name', 'properties']),
      });
  });

  test('to storage never goes by shared key or anonymously', () => {
    const accounts = all('resource').filter(
      ({ declaration }) => /storageAccounts@/.test(declaration.target) && !declaration.existing,
    );
    expect(accounts).toHaveLength(2);
    for (const { declaration } of accounts)
      expect(properties(declaration)['properties']).toMatchObject({
        allowBlobPublicAccess: false,
        allowSharedKeyAccess: false,
        minimumTlsVersion: 'TLS1_2',
        supportsHttpsTrafficOnly: true,
      });
  });

  test('to the vault is by role, and what is in it cannot be purged', () => {
    const [vault] = all('resource').filter(({ declaration }) => /KeyVault\/vaults@/.test(declaration.target));
    expect(properties(vault!.declaration)['properties']).toMatchObject({
      enableRbacAuthorization: true,
      enableSoftDelete: true,
      enablePurgeProtection: true,
    });
  });

  test('needs no secret in a parameter or an output', () => {
    // The connection string names where telemetry goes; without the identity's token it is refused there.
    const harmless = ['insightsConnectionString'];
    const suspicious = [...all('param'), ...all('output')].filter(
      ({ declaration: { name } }) =>
        /secret|password|pwd|token|credential|key(?!vault)|connectionstring|sas/i.test(name) &&
        !harmless.includes(name),
    );
    expect(suspicious.map(({ at }) => at)).toEqual([]);
    const insights = all('resource').find(({ declaration }) =>
      /Insights\/components@/.test(declaration.target),
    )!;
    expect(properties(insights.declaration)['properties']).toMatchObject({ DisableLocalAuth: true });
    // A key read from a resource goes into the resource that needs it, and nowhere else.
    for (const { declaration, at } of [...all('output'), ...all('var'), ...all('module')])
      expect(`${at} ${/\blist\w*\(/.test(declaration.text)}`).toBe(`${at} false`);
  });

  test('needs no secret in a parameter file', () => {
    for (const name of readdirSync(infra).filter((one) => one.endsWith('.bicepparam'))) {
      const values = read(`infra/${name}`).replace(/^ *\/\/.*$/gm, '');
      const found = /(secret|password|key|token)\w*['"]? *[:=]/i.exec(values)?.[0];
      expect({ name, found }).toEqual({ name, found: undefined });
    }
  });
});

describe('the evidence', () => {
  test('is write-once for six years unless someone says otherwise, and not for the host to write', () => {
    const evidence = files.find(({ name }) => name === 'evidence.bicep')!;
    const policies = evidence.declarations.filter(({ target }) => /immutabilityPolicies@/.test(target));
    expect(policies.map(({ text }) => /parent: (\w+)/.exec(text)?.[1])).toEqual(['batches', 'audit']);
    for (const policy of policies)
      expect(properties(policy)['properties']).toMatchObject({ allowProtectedAppendWrites: false });
    const retention = all('param').find(({ at }) => at === 'main.bicep: retentionDays')!;
    expect(retention.declaration.value).toBe(2190);
    expect(files.find(({ name }) => name === 'host.bicep')!.source).not.toContain('immutability');
  });

  test('keeps versions and what was deleted, and cannot be deleted with the resource group', () => {
    const blobs = all('resource').find(({ at }) => at === 'evidence.bicep: blobs')!;
    expect(properties(blobs.declaration)['properties']).toMatchObject({
      isVersioningEnabled: true,
      deleteRetentionPolicy: { enabled: true },
      containerDeleteRetentionPolicy: { enabled: true },
    });
    const lock = all('resource').find(({ declaration }) => /Authorization\/locks@/.test(declaration.target))!;
    expect(properties(lock.declaration)['properties']).toMatchObject({ level: 'CanNotDelete' });
  });

  test('has no file that the templates refer to and that does not exist', () => {
    for (const { source } of files)
      for (const [, name] of source.matchAll(/load\w+Content\('([^']+)'\)/g))
        expect(`${name} ${existsSync(join(infra, name!))}`).toBe(`${name} true`);
  });
});
