import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { abridge } from '../common/frames/abridge';
import { scriptOfFragment, scriptToFragment } from '../console/script/link';

const TOKEN = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';

describe('What is shown of frames', () => {

    it('is all of what is small and no secret', () => {
        const value = { path: '/workspace/a', size: 3, tags: ['x', null, true], stat: { mtime: 1 } };
        assert.deepEqual(abridge(value), { value, whole: true });
    });

    it('has no secrets, whatever they are called and wherever they are', () => {
        const value = { token: 'a', nested: [{ apiKey: 'b', api_key: 'c', Refresh_Token: ['d'] }], text: `Bearer ${TOKEN}.`, tokens: 3 };
        assert.deepEqual(abridge(value), {
            value: { token: '***', nested: [{ apiKey: '***', api_key: '***', Refresh_Token: ['***'] }], text: 'Bearer ***.', tokens: 3 },
            whole: false
        });
    });

    it('has no contents of files, and only the beginning of what is long', () => {
        assert.deepEqual(abridge({ content: new Uint8Array(12_345) }), { value: { content: '<12,345 bytes>' }, whole: false });
        const long = abridge({ text: 'x'.repeat(1_000), list: Array.from({ length: 1_000 }, () => 'y') }).value as { text: string, list: string[] };
        assert.equal(long.text, `${'x'.repeat(200)}… (1,000 characters)`);
        assert.deepEqual(long.list.slice(-2), ['y', '… 950 more']);
    });

    it('is bounded, however wide and deep a value is', () => {
        const wide = Array.from({ length: 50 }, () => Array.from({ length: 50 }, () => Array.from({ length: 50 }, () => 'x'.repeat(1_000))));
        assert.ok(JSON.stringify(abridge(wide).value).length < 200_000);
        let deep: unknown = 'bottom';
        for (let level = 0; level < 10_000; level++) {
            deep = [deep];
        }
        assert.ok(!JSON.stringify(abridge(deep).value).includes('bottom'));
    });
});

describe('Links to scripts', () => {

    it('carry any text', () => {
        for (const script of ['', 'fs.stat path=/workspace\n', 'grüße 日本 😀 +/=\r\n', '\u0000'.repeat(3)]) {
            const fragment = scriptToFragment(script);
            assert.match(fragment, /^#[\w=-]+$/);
            assert.equal(scriptOfFragment(fragment), script);
        }
    });

    it('are nothing else', () => {
        for (const fragment of ['', '#', '#other', '#script=%', '#script=_w']) {
            assert.equal(scriptOfFragment(fragment), undefined);
        }
    });
});
