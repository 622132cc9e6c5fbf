/**
 * Builds the example of a Theia with a Node backend into `stock-app/lib`. Does nothing when nothing changed since the
 * last time; `--force` builds anyway.
 */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bundle, COMMON_INPUTS, compileExtension, fingerprint, isFresh, root, start } from './steps.mjs';

const target = path.join(root, 'stock-app', 'lib');
const stamp = path.join(target, '.stamp');

start(async () => {
    const current = await fingerprint([...COMMON_INPUTS, 'stock-app/package.json']);
    if (await isFresh(stamp, current)) {
        console.log('The stock Theia is up to date.');
        return;
    }
    await compileExtension();
    await rm(target, { recursive: true, force: true });
    await bundle('Bundling the stock Theia', 'stock-app');
    await writeFile(stamp, current);
});
