/**
 * Builds the extension and the application and puts what is to be served into `theia_bridge/ide/theia`.
 * Does nothing when nothing changed since the last time. `--clean` removes all that it makes, `--force` builds anyway.
 */
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { packageFrontend } from './package.mjs';
import { bundle, COMMON_INPUTS, compileExtension, fingerprint, isFresh, modules, root, run, start } from './steps.mjs';

const target = path.resolve(root, '..', 'theia_bridge', 'ide', 'theia');
const stamp = path.join(target, '.stamp');

const INPUTS = [
    ...COMMON_INPUTS, 'app/package.json', 'app/esbuild.mjs', 'app/index.html', 'app/favicon.svg', 'app/start.js', 'app/storage.js', 'app/docs', 'app/console'
];

async function main() {
    if (process.argv.includes('--clean')) {
        for (const made of [target, ...['extension/lib', 'extension/tsconfig.tsbuildinfo', 'app/lib', 'app/src-gen', 'stock-app/lib', 'stock-app/src-gen'].map(name => path.join(root, name))]) {
            await rm(made, { recursive: true, force: true });
        }
        return;
    }
    const current = await fingerprint(INPUTS);
    if (await isFresh(stamp, current)) {
        console.log('The IDE is up to date.');
        return;
    }
    await compileExtension();
    await rm(path.join(root, 'app', 'lib'), { recursive: true, force: true });
    await bundle('Bundling Theia', 'app');
    await run('Bundling the console', path.join(root, 'app', 'console', 'bundle.mjs'), [], root);
    // Beside the old one until it is whole, so that a running server always has an IDE to serve.
    const [fresh, old] = [`${target}.new`, `${target}.old`];
    await packageFrontend(path.join(root, 'app'), path.join(modules, 'swagger-ui-dist'), fresh);
    await writeFile(path.join(fresh, path.basename(stamp)), current);
    await rm(old, { recursive: true, force: true });
    if (existsSync(target)) {
        await rename(target, old);
    }
    await rename(fresh, target);
    await rm(old, { recursive: true, force: true });
}

start(main);
