/**
 * Builds the extension and the application and puts what is to be served into `theia_bridge/ide/theia`.
 * Does nothing when nothing changed since the last time. `--clean` removes all that it makes, `--force` builds anyway.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFrontend } from './package.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = path.resolve(root, '..', 'theia_bridge', 'ide', 'theia');
const stamp = path.join(target, '.stamp');

const INPUTS = ['package.json', 'package-lock.json', 'tsconfig.base.json', 'scripts', 'stubs',
    'extension/package.json', 'extension/tsconfig.json', 'extension/src',
    'app/package.json', 'app/esbuild.mjs', 'app/index.html', 'app/favicon.svg', 'app/docs'];

/** One digest of the names and contents of all inputs. */
async function fingerprint() {
    const hash = createHash('sha256').update(process.version);
    async function add(file) {
        const entries = await readdir(file, { withFileTypes: true }).catch(() => undefined);
        if (entries) {
            for (const { name } of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
                await add(path.join(file, name));
            }
        } else {
            hash.update(path.relative(root, file)).update('\0').update(await readFile(file)).update('\0');
        }
    }
    for (const input of INPUTS) {
        await add(path.join(root, input));
    }
    return hash.digest('hex');
}

function run(title, command, args, cwd) {
    const started = Date.now();
    process.stdout.write(`${title} ... `);
    return new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [command, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
        let output = '';
        child.stdout.on('data', data => output += data);
        child.stderr.on('data', data => output += data);
        child.on('error', reject);
        child.on('close', code => {
            if (code === 0) {
                process.stdout.write(`${((Date.now() - started) / 1000).toFixed(1)} s\n`);
                resolve();
            } else {
                process.stdout.write(`failed\n${output}\n`);
                reject(new Error(`${title} failed with exit code ${code}.`));
            }
        });
    });
}

async function main() {
    if (process.argv.includes('--clean')) {
        for (const made of [target, ...['extension/lib', 'extension/tsconfig.tsbuildinfo', 'app/lib', 'app/src-gen'].map(name => path.join(root, name))]) {
            await rm(made, { recursive: true, force: true });
        }
        return;
    }
    const current = await fingerprint();
    if (!process.argv.includes('--force') && existsSync(stamp) && await readFile(stamp, 'utf8') === current) {
        console.log('The IDE is up to date.');
        return;
    }
    const modules = path.join(root, 'node_modules');
    if (!existsSync(modules)) {
        throw new Error('Run `npm ci --ignore-scripts` in extension-ts first.');
    }
    await run('Compiling the extension', path.join(modules, 'typescript', 'bin', 'tsc'), ['--build'], path.join(root, 'extension'));
    await rm(path.join(root, 'app', 'lib'), { recursive: true, force: true });
    await run('Bundling Theia', path.join(modules, '@theia', 'cli', 'bin', 'theia.js'), ['build', '--mode', 'production'], path.join(root, 'app'));
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

main().catch(error => {
    console.error(error.message);
    process.exitCode = 1;
});
