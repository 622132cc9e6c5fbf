/** Puts the bundled application into the form in which it is served: named by content, and compressed beforehand. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { compileModulesEarly } from './module-functions.mjs';

const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** Fonts of the woff kinds are compressed by themselves. */
const COMPRESSIBLE = new Set(['.html', '.css', '.js', '.json', '.svg', '.ttf', '.wasm']);

/** A file whose name has its digest in it, as in `bundle.0123456789.js`, never changes and may be cached for good. */
function nameByContent(name, content) {
    const { dir, name: stem, ext } = path.posix.parse(name);
    const digest = createHash('sha256').update(content).digest('hex').slice(0, 10);
    // In place of esbuild's own digest, where there is one.
    return path.posix.join(dir, `${stem.replace(/-[0-9A-Z]{8}$/, '')}.${digest}${ext}`);
}

async function collectAssets(folder) {
    const assets = new Map();
    for (const entry of await readdir(path.join(folder, 'assets'))) {
        assets.set(`assets/${entry}`, await readFile(path.join(folder, 'assets', entry)));
    }
    return assets;
}

/**
 * @param app the application's folder, bundled into `lib/frontend` and `lib/console`; in `docs` it has the page of the REST API.
 * @param swagger the folder of Swagger UI, which that page shows.
 * @param target what is served; emptied first.
 */
export async function packageFrontend(app, swagger, target) {
    const bundled = path.join(app, 'lib', 'frontend');
    const files = new Map();
    const renamed = new Map();
    const add = (name, content) => {
        const served = nameByContent(name, content);
        files.set(served, content);
        renamed.set(name, served);
    };
    const readText = async file => readFile(file, 'utf8');
    // All references are relative to the page or, in the style sheet, to itself, which lies beside the page.
    const rename = text => [...renamed].reduce((result, [from, to]) => result.replaceAll(`./${from}`, `./${to}`), text);

    for (const [name, content] of await collectAssets(bundled)) {
        add(name, content);
    }
    add('editor.worker.js', await readFile(path.join(bundled, 'editor.worker.js')));
    add('favicon.svg', await readFile(path.join(app, 'favicon.svg')));
    const script = rename(compileModulesEarly(await readText(path.join(bundled, 'bundle.js'))));
    const style = rename(await readText(path.join(bundled, 'bundle.css')));
    add('bundle.js', Buffer.from(script));
    add('bundle.css', Buffer.from(style));
    files.set('index.html', Buffer.from(rename(await readText(path.join(app, 'index.html')))));

    const license = await readText(path.join(swagger, 'swagger-ui-bundle.js.LICENSE.txt'));
    // In place of the line that leads to another file.
    const swaggerScript = (await readText(path.join(swagger, 'swagger-ui-bundle.js'))).replace(/^\/\*!.*\*\/\n/, () => license);
    add('docs/swagger-ui-bundle.js', Buffer.from(swaggerScript));
    add('docs/swagger-ui.css', await readFile(path.join(swagger, 'swagger-ui.css')));
    add('docs/favicon.svg', await readFile(path.join(app, 'favicon.svg')));
    for (const name of ['docs.css', 'docs.js']) {
        add(`docs/${name}`, await readFile(path.join(app, 'docs', name)));
    }
    files.set('docs/index.html', Buffer.from(rename(await readText(path.join(app, 'docs', 'index.html')))));

    add('console/console.js', await readFile(path.join(app, 'lib', 'console', 'console.js')));
    add('console/console.css', await readFile(path.join(app, 'console', 'console.css')));
    add('console/favicon.svg', await readFile(path.join(app, 'favicon.svg')));
    // It is served from beside its parts.
    const besideParts = text => rename(text.replaceAll('"./', '"./console/')).replaceAll('"./console/', '"./');
    files.set('console/index.html', Buffer.from(besideParts(await readText(path.join(app, 'console', 'index.html')))));

    await rm(target, { recursive: true, force: true });
    for (const folder of ['assets', 'docs', 'console']) {
        await mkdir(path.join(target, folder), { recursive: true });
    }
    const sizes = { raw: 0, brotli: 0 };
    let done = 0;
    const progress = process.stdout.isTTY
        ? () => process.stdout.write(`\rCompressing ${++done} of ${files.size} files `)
        : () => undefined;
    const started = Date.now();
    for (const [name, content] of files) {
        const file = path.join(target, name);
        await writeFile(file, content);
        sizes.raw += content.length;
        let smallest = content.length;
        if (COMPRESSIBLE.has(path.extname(name))) {
            const [brotli, gzipped] = await Promise.all([
                compressBrotli(content, {
                    params: {
                        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
                        [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
                        [constants.BROTLI_PARAM_SIZE_HINT]: content.length
                    }
                }),
                compressGzip(content, { level: constants.Z_BEST_COMPRESSION })
            ]);
            await writeFile(`${file}.br`, brotli);
            await writeFile(`${file}.gz`, gzipped);
            smallest = brotli.length;
        }
        sizes.brotli += smallest;
        progress();
    }
    const megabytes = bytes => (bytes / 1e6).toFixed(2);
    console.log(`Compressed ${files.size} files: ${megabytes(sizes.raw)} MB, ${megabytes(sizes.brotli)} MB with brotli, ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
