/** Bundles the console's page, which shares its connection with the extension. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const app = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

await esbuild.build({
    entryPoints: [path.join(app, '..', 'extension', 'src', 'console', 'main.ts')],
    outfile: path.join(app, 'lib', 'console', 'console.js'),
    bundle: true,
    minify: true,
    target: 'es2022',
    format: 'iife',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning'
});
