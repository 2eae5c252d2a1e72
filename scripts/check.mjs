// Checks types, lint and format side by side, and shows what each of them says when it ends. The tests come after them:
// beside them they would only share the same cores.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

const checks = ['types', 'lint', 'format:check'].map(async (name) => {
  const npm = spawn(`npm run ${name}`, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => npm.once('close', resolve));
  const [code, output, errors] = await Promise.all([ended, text(npm.stdout), text(npm.stderr)]);
  process.stdout.write(output);
  process.stderr.write(errors);
  return code;
});
process.exitCode = (await Promise.all(checks)).every((code) => code === 0) ? 0 : 1;
