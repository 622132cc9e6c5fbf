/** What the builds have in common. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of all packages. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const modules = path.join(root, 'node_modules');

/** What every build is made from, relative to `root`. */
export const COMMON_INPUTS = ['package.json', 'package-lock.json', 'tsconfig.base.json', 'scripts', 'stubs',
    'extension/package.json', 'extension/tsconfig.json', 'extension/src'];

/** One digest of the names and contents of all inputs, files and folders relative to `root`. */
export async function fingerprint(inputs) {
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
    for (const input of inputs) {
        await add(path.join(root, input));
    }
    return hash.digest('hex');
}

/** Runs a script with Node, and shows what it says only if it fails. */
export function run(title, command, args, cwd) {
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

export function compileExtension() {
    if (!existsSync(modules)) {
        throw new Error('Run `npm ci --ignore-scripts` in extension-ts first.');
    }
    return run('Compiling the extension', path.join(modules, 'typescript', 'bin', 'tsc'), ['--build'], path.join(root, 'extension'));
}

/** @param app the folder of the application. */
export function bundle(title, app) {
    return run(title, path.join(modules, '@theia', 'cli', 'bin', 'theia.js'), ['build', '--mode', 'production'], path.join(root, app));
}

/** Whether what the stamp lies beside was made from these very inputs. */
export async function isFresh(stamp, current) {
    return !process.argv.includes('--force') && existsSync(stamp) && await readFile(stamp, 'utf8') === current;
}

export function start(main) {
    main().catch(error => {
        console.error(error.message);
        process.exitCode = 1;
    });
}
