import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { infra, read, readTemplates } from '../support/bicep';

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, string>;
}
interface Workflow {
  on: Record<string, { inputs?: Record<string, unknown> } | null>;
  permissions: Record<string, string>;
  jobs: Record<
    string,
    { needs?: string; environment?: string; permissions?: Record<string, string>; steps: Step[] }
  >;
}

const folder = '.github/workflows';
const files = readdirSync(join(infra, '..', folder));
const source = (file: string) => read(`${folder}/${file}`);
const workflow = (file: string) => parse(source(file)) as Workflow;
const commandsOf = (steps: Step[]) => steps.flatMap(({ run }) => run ?? []).join('\n');

it('the workflows are these two', () => {
  expect(files.sort()).toEqual(['ci.yml', 'deploy.yml']);
});

describe.each(files)('%s', (file) => {
  const steps = Object.values(workflow(file).jobs).flatMap((job) => job.steps);

  it('pins every action to a commit, because a tag can be moved to other code', () => {
    const actions = steps.flatMap(({ uses }) => uses ?? []);
    expect(actions.length).toBeGreaterThan(0);
    for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
  });

  it('gives its token no right but to read, unless a job signs in to Azure', () => {
    expect(workflow(file).permissions).toEqual({ contents: 'read' });
    for (const { permissions, steps } of Object.values(workflow(file).jobs)) {
      const signsIn = steps.some(({ uses }) => uses?.startsWith('azure/login@'));
      expect(permissions).toEqual(signsIn ? { contents: 'read', 'id-token': 'write' } : undefined);
    }
  });

  it('uses no secret', () => {
    expect(source(file)).not.toContain('secrets.');
  });

  it('runs no script with an expression in it, which would run what somebody types as an input', () => {
    expect(commandsOf(steps)).not.toContain('${{');
  });

  it('takes the Node of .nvmrc wherever it sets one up', () => {
    for (const { with: given } of steps.filter(({ uses }) => uses?.startsWith('actions/setup-node@')))
      expect(given).toEqual({ 'node-version-file': '.nvmrc', cache: 'npm' });
  });
});

describe('ci.yml', () => {
  it('runs .ci/run and nothing else, on every push and pull request', () => {
    const { on, jobs } = workflow('ci.yml');
    expect(Object.keys(on).sort()).toEqual(['pull_request', 'push']);
    expect(commandsOf(Object.values(jobs).flatMap(({ steps }) => steps))).toBe('.ci/run');
  });
});

describe('deploy.yml', () => {
  const { on, jobs } = workflow('deploy.yml');
  const [preview, deployment] = [jobs['what-if']!, jobs['deploy']!];

  it('starts by hand alone, for an environment', () => {
    expect(Object.keys(on)).toEqual(['workflow_dispatch']);
    expect(Object.keys(on['workflow_dispatch']!.inputs!)).toEqual(['environment']);
  });

  it('shows what would change before it changes anything', () => {
    expect(commandsOf(preview.steps)).toContain('az deployment group what-if');
    expect(commandsOf(preview.steps)).not.toMatch(/deployment group create|config-zip|events\.sh/);
    expect(deployment.needs).toBe('what-if');
  });

  it('waits for the approval of the environment only between the two', () => {
    expect(deployment.environment).toBe('${{ inputs.environment }}');
    expect(preview.environment).not.toBe(deployment.environment);
  });

  it('stages, deploys, publishes and subscribes, in this order', () => {
    const commands = commandsOf(deployment.steps);
    const order = ['npm ci && npm run stage', 'deployment group create', 'config-zip', 'infra/events.sh'].map(
      (command) => commands.indexOf(command),
    );
    expect(order[0]).toBeGreaterThanOrEqual(0);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  it('previews and deploys the same template with the same parameters', () => {
    for (const { steps } of [preview, deployment])
      expect(commandsOf(steps)).toContain('--name main --parameters "$PARAMETERS"');
  });

  it('signs in by federation: with ids from variables of the environment', () => {
    for (const { steps } of [preview, deployment]) {
      const login = steps.find(({ uses }) => uses?.startsWith('azure/login@'));
      for (const id of ['client', 'tenant', 'subscription'])
        expect(login?.with?.[`${id}-id`]).toBe(`\${{ vars.AZURE_${id.toUpperCase()}_ID }}`);
    }
  });

  it('asks for outputs that exist', async () => {
    const main = (await readTemplates()).find(({ name }) => name === 'main.bicep')!;
    const outputs = main.declarations.filter(({ kind }) => kind === 'output').map(({ name }) => name);
    const asked = [...commandsOf(deployment.steps).matchAll(/\$\(output (\w+)\)/g)].map(([, name]) => name);
    expect(asked).toHaveLength(2);
    for (const name of asked) expect(outputs).toContain(name);
  });
});

it('.nvmrc names the Node that the app runs on in Azure and that npm ci brings', async () => {
  const major = read('.nvmrc').trim();
  const app = (await readTemplates()).find(({ name }) => name === 'app.bicep')!;
  expect(app.source).toMatch(new RegExp(`runtime: \\{[^}]*name: 'node'[^}]*version: '${major}'`));
  const { optionalDependencies } = JSON.parse(read('package.json')) as {
    optionalDependencies: Record<string, string>;
  };
  for (const version of Object.values(optionalDependencies)) expect(version.split('.')[0]).toBe(major);
});
