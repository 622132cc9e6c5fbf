/**
 * How the application is bundled: Theia's generated options, made smaller.
 * `theia build` runs this file and regenerates the one it imports.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import esbuild from 'esbuild';
import { browserOptions, watch } from './gen-esbuild.browser.mjs';

/** Texts of all of VS Code's messages, for translations that this application does not carry. */
const withoutTranslationMetadata = {
    name: 'without-translation-metadata',
    setup(build) {
        build.onLoad({ filter: /nls\.metadata\.json$/ }, () => ({ contents: '{"keys":{},"messages":{}}', loader: 'json' }));
    }
};

/** Each grammar becomes a file of its own, and its import the URL of that; without the line breaks and indentation. */
const grammarsAsFiles = {
    name: 'grammars-as-files',
    setup(build) {
        build.onLoad({ filter: /[\\/]tm-grammars[\\/]grammars[\\/].*\.json$/ }, async ({ path: file }) => ({
            contents: JSON.stringify(JSON.parse(await readFile(file, 'utf8'))),
            loader: 'file'
        }));
    }
};

/** Nothing that runs this application falls back to a font in SVG, half a megabyte inlined in the style sheet. */
const withoutSvgFonts = {
    name: 'without-svg-fonts',
    setup(build) {
        build.onLoad({ filter: /fontawesome-webfont\.svg/ }, () => ({ contents: '', loader: 'file' }));
    }
};

/**
 * Mermaid is as large as everything else of the chat together: it becomes a module in a file of its own, fetched when
 * the first diagram is shown. Who requires it gets a promise of it, which Theia awaits as it would the module itself.
 */
const mermaidWhenShown = {
    name: 'mermaid-when-shown',
    setup(build) {
        build.onResolve({ filter: /^mermaid$/ }, () => ({ path: 'promise', namespace: 'mermaid' }));
        build.onResolve({ filter: /^module$/, namespace: 'mermaid' }, () => ({ path: 'mermaid.js', namespace: 'mermaid' }));
        build.onLoad({ filter: /^promise$/, namespace: 'mermaid' }, () => ({ contents: `module.exports = import(require('module'));` }));
        build.onLoad({ filter: /^mermaid\.js$/, namespace: 'mermaid' }, async () => {
            const { target, charset, legalComments, minify } = options;
            const { outputFiles: [bundled] } = await esbuild.build({
                entryPoints: ['mermaid'], bundle: true, format: 'esm', write: false, target, charset, legalComments, minify
            });
            return { contents: bundled.contents, loader: 'file' };
        });
    }
};

/** Of dates only how long ago something was is told, in English as everything here. */
const datesInEnglish = {
    name: 'dates-in-english',
    setup(build) {
        build.onResolve({ filter: /^date-fns$/ }, ({ resolveDir }) => ({ path: 'date-fns', namespace: 'dates', pluginData: resolveDir }));
        build.onLoad({ filter: /^date-fns$/, namespace: 'dates' }, ({ pluginData: resolveDir }) => ({
            contents: `export { formatDistance } from 'date-fns/formatDistance';`, resolveDir
        }));
        build.onLoad({ filter: /[\\/]date-fns[\\/]locale\.c?js$/ }, () => ({ contents: `export * from './locale/en-US.js';` }));
    }
};

/** Theia's file system in the browser, a worker of its own; files are on the server here. */
const withoutFilesInTheBrowser = {
    name: 'without-files-in-the-browser',
    setup(build) {
        build.onLoad({ filter: /[\\/]opfs-worker[\\/]/ }, () => ({ contents: `export const createWorker = undefined;` }));
    }
};

const { 'secondary-window': _, ...entryPoints } = { ...browserOptions.entryPoints, bundle: './start.js' };

const options = {
    ...browserOptions,
    entryPoints,
    inject: [...browserOptions.inject ?? [], path.resolve('storage.js')],
    assetNames: 'assets/[name]-[hash]',
    loader: {
        ...browserOptions.loader,
        '.ttf': 'file',
        '.woff': 'file',
        '.woff2': 'file',
        '.wasm': 'file',
        // Only ever read by Internet Explorer.
        '.eot': 'empty'
    },
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    metafile: true,
    plugins: [
        withoutTranslationMetadata,
        grammarsAsFiles,
        withoutSvgFonts,
        mermaidWhenShown,
        datesInEnglish,
        withoutFilesInTheBrowser,
        // It copies the page of the secondary window, which is left out.
        ...browserOptions.plugins.filter(plugin => plugin.name !== 'plugin:copy')
    ]
};

const context = await esbuild.context(options);
if (watch) {
    await context.watch();
} else {
    try {
        const { metafile } = await context.rebuild();
        await writeFile(path.resolve('lib', 'metafile.json'), JSON.stringify(metafile));
        await context.dispose();
    } catch {
        process.exit(1);
    }
}
