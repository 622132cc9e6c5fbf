import * as assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { Api, Param, Schema } from '../console/syntax/api';
import { Call, parseCall } from '../console/syntax/call';
import { printCall, printShared } from '../console/syntax/print';
import { readScript, shareScript } from '../console/syntax/script';
import { SyntaxProblem } from '../console/syntax/words';

interface Examples {
    readonly methods: Record<string, Param[]>;
    readonly schemas: Record<string, Schema>;
    readonly calls: (Call & { readonly line: string, readonly prints?: string | null })[];
    readonly errors: { readonly line: string, readonly error: string[] }[];
    readonly masked: (Call & { readonly prints: string })[];
    readonly scripts: { readonly text: string, readonly lines: string[] }[];
}

/** The command line's parser, which is another, is held to the same ones. */
const EXAMPLES = JSON.parse(readFileSync(path.resolve(__dirname, '..', '..', '..', '..', 'tests', 'console_syntax.json'), 'utf8')) as Examples;

describe('The console\'s call syntax', () => {

    const api = new Api({
        methods: Object.entries(EXAMPLES.methods).map(([name, params]) => ({ name, params })),
        components: { schemas: EXAMPLES.schemas, errors: {} },
        'x-notifications': []
    });

    for (const { line, method, params, prints } of EXAMPLES.calls) {
        it(`reads ${line}`, () => {
            assert.deepEqual(parseCall(line, api), { method, params });
            if (prints !== null) {
                assert.equal(printCall({ method, params }, api), prints ?? line);
            }
            assert.deepEqual(parseCall(printCall({ method, params }, api), api), { method, params }, 'what is printed is read back');
        });
    }

    for (const { line, error } of EXAMPLES.errors) {
        it(`says what is wrong with ${line}`, () => {
            assert.throws(() => parseCall(line, api), (problem: unknown) => {
                assert.ok(problem instanceof SyntaxProblem);
                for (const text of error) {
                    assert.ok(problem.message.includes(text), `${text} is in: ${problem.message}`);
                }
                return true;
            });
        });
    }

    it('masks what is secret in what is shared', () => {
        for (const { method, params, prints } of EXAMPLES.masked) {
            assert.equal(printShared({ method, params }, api), prints);
        }
    });

    it('reads a script line by line', () => {
        for (const { text, lines } of EXAMPLES.scripts) {
            assert.deepEqual(readScript(text).map(line => (line.mayFail ? '-' : '') + line.text), lines);
        }
    });

    it('shares a script without its secrets, and otherwise as it was written', () => {
        const script = ['# token=abc', 't.text  path="/a"', '-t.secret \\', '  token=abc', 'repeat 3 t.secret token:="a b"', 't.secret token="ab', '{"method": "t.secret", "params": {"token": "abc"',
            't.secret {"token": "abc"}', ''].join('\n');
        assert.equal(shareScript(script, api), ['# token=***', 't.text  path="/a"', '-t.secret token=***', 'repeat 3 t.secret token=***', 't.secret token=***',
            '{"method": "t.secret", "params": {"token": ***', 't.secret token=***', ''].join('\n'));
    });

    it('reads back any call that it has printed', () => {
        // A linear congruential generator (Numerical Recipes), so that a failure comes again.
        let state = 1;
        const random = (below: number) => (state = (state * 1664525 + 1013904223) % 2 ** 32) % below;
        const alphabet = ['a', '/', ' ', '"', '\'', '\\', '\n', '\t', '\r', '=', ':', '[', ']', '{', '}', '@', '#', '-', 'é', '日', '\u0000', '😀', ','];
        const text = () => Array.from({ length: random(8) }, () => alphabet[random(alphabet.length)]).join('');
        const value = (depth: number): unknown => {
            const kinds = [text, () => random(100) - 50, () => random(2) === 1, () => null,
                () => Array.from({ length: random(3) }, () => value(depth - 1)),
                () => Object.fromEntries(Array.from({ length: random(3) }, () => [`k${text()}`, value(depth - 1)]))];
            return kinds[random(depth > 0 ? kinds.length : 4)]();
        };
        const calls: (() => Call)[] = [
            () => ({ method: 't.text', params: { path: text(), title: random(2) ? text() : null } }),
            () => ({ method: 't.nested', params: { excludes: [text(), text()], env: { [text()]: text() }, value: value(3) } }),
            () => ({ method: 't.bytes', params: { path: text(), content: Buffer.from(text()).toString('base64') } }),
            () => ({ method: 't.bytes', params: { path: '/', content: Buffer.from([random(256), random(256)]).toString('base64') } }),
            () => ({ method: 't.unknown', params: { any: value(3) } })
        ];
        for (let count = 0; count < 5_000; count++) {
            const call = calls[random(calls.length)]();
            const line = printCall(call, api);
            assert.ok(!line.includes('\n'), line);
            assert.deepEqual(parseCall(line, api), call, line);
        }
    });
});
