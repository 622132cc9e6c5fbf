import { parse } from 'acorn';

/**
 * Puts the function of every module into parentheses. V8 compiles such a function together with the script, on a thread of
 * its own while the script is still coming in. Any other it only skims there, and the page waits while it is compiled at
 * its first call, which for nearly every module is at the start: 2850 of 2900. (v8.dev/blog/preparser#pife)
 *
 * @param {string} script a bundle as esbuild makes it: one function, called at once, in which a module is
 *     `var name = helper((exports, module) => { … })`, or the same without parameters.
 * @throws {Error} the bundle has no modules of that form.
 */
export function compileModulesEarly(script) {
    const statements = parse(script, { ecmaVersion: 'latest' }).body[0].expression?.callee?.body?.body ?? [];
    let result = '';
    let done = 0;
    for (const { init } of statements.flatMap(({ declarations }) => declarations ?? [])) {
        const [module, ...others] = init?.type === 'CallExpression' ? init.arguments : [];
        if (module?.type === 'ArrowFunctionExpression' && !others.length) {
            result += `${script.slice(done, module.start)}(${script.slice(module.start, module.end)})`;
            done = module.end;
        }
    }
    if (!done) {
        throw new Error('The bundle has another form than that in which esbuild wraps modules: adapt scripts/module-functions.mjs.');
    }
    return result + script.slice(done);
}
