import 'reflect-metadata';
import * as assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
    isTextResponsePart, isThinkingResponsePart, isToolCallResponsePart, isUsageResponsePart, LanguageModelMessage, LanguageModelStreamResponse,
    LanguageModelStreamResponsePart, ToolRequest
} from '@theia/ai-core/lib/common/language-model';
import { CancellationTokenSource } from '@theia/core/lib/common/cancellation';
import { BridgeLanguageModel } from '../browser/chat/bridge-language-model';
import { BridgeConnection } from '../browser/connection/bridge-connection';
import { BridgeError } from '../common/bridge-error';
import { reach, TestBrowser, TestServer } from './server';

describe('BridgeLanguageModel', { timeout: 60_000 }, () => {

    const server = new TestServer({ THEIA_BRIDGE_CHAT_OUTPUT_TOKENS: '1000000' });
    let browser: TestBrowser;
    let connection: BridgeConnection;
    let model: BridgeLanguageModel;

    before(async () => {
        await server.start();
        browser = await new TestBrowser(server).register();
        connection = browser.connect();
        await reach(connection, 'online');
        model = new BridgeLanguageModel('echo', connection, () => undefined);
    });

    after(async () => {
        browser.dispose();
        await server.stop();
    });

    async function ask(text: string, tools?: ToolRequest[], before: LanguageModelMessage[] = []): Promise<AsyncIterable<LanguageModelStreamResponsePart>> {
        const messages: LanguageModelMessage[] = [...before, { actor: 'user', type: 'text', text }];
        return (await model.request({ messages, tools, sessionId: 's', requestId: 'r' }) as LanguageModelStreamResponse).stream;
    }

    async function all(stream: AsyncIterable<LanguageModelStreamResponsePart>): Promise<LanguageModelStreamResponsePart[]> {
        const parts: LanguageModelStreamResponsePart[] = [];
        for await (const part of stream) {
            parts.push(part);
        }
        return parts;
    }

    const textOf = (parts: LanguageModelStreamResponsePart[]): string => parts.filter(isTextResponsePart).map(({ content }) => content).join('');

    it('says what it says, thinks what it thinks, and tells what it took', async () => {
        const parts = await all(await ask('Hello there, ünïcode 🦊\necho: think hm'));
        assert.match(textOf(parts), /^Hello there, ünïcode 🦊/);
        assert.equal(parts.filter(isThinkingResponsePart).map(({ thought }) => thought).join(''), 'hm');
        const usage = parts.find(isUsageResponsePart)!;
        assert.ok(usage.input_tokens > 0 && usage.output_tokens > 0);
    });

    it('is told what was said before, with images and results of tools', async () => {
        const parts = await all(await ask('echo: show', undefined, [
            { actor: 'system', type: 'text', text: 'Be brief.' },
            { actor: 'user', type: 'text', text: 'Look.' },
            { actor: 'user', type: 'image', image: { base64data: 'AAAA', mimeType: 'image/png' } },
            { actor: 'ai', type: 'tool_use', id: '1', name: 'look', input: { at: 'it' } },
            { actor: 'user', type: 'tool_result', tool_use_id: '1', name: 'look', content: { content: [{ type: 'text', text: 'Seen.' }] } }
        ]));
        const shown = textOf(parts);
        for (const said of ['Be brief.', 'Look.', 'Seen.']) {
            assert.ok(shown.includes(said), shown);
        }
    });

    it('has its tools run here, and goes on with what they answer', async () => {
        const asked: string[] = [];
        const tool: ToolRequest = {
            id: 'look', name: 'look', parameters: { type: 'object', properties: {} },
            handler: async text => { asked.push(text); return 'a fox'; }
        };
        const parts = await all(await ask('echo: tool look {"at": "it"}\necho: tool look {"at": "that"}', [tool]));
        assert.deepEqual(asked.map(text => JSON.parse(text)), [{ at: 'it' }, { at: 'that' }]);
        const finished = parts.filter(isToolCallResponsePart).flatMap(part => part.tool_calls).filter(call => call.finished);
        assert.deepEqual(finished.map(call => [call.function!.name, call.result]), [['look', 'a fox'], ['look', 'a fox']]);
        assert.match(textOf(parts), /look answered: a fox/);
    });

    it('stops when it is told to, and what came is there', async () => {
        const source = new CancellationTokenSource();
        const messages: LanguageModelMessage[] = [{ actor: 'user', type: 'text', text: 'Begin and wait\necho: hold' }];
        const { stream } = await model.request({ messages, sessionId: 's', requestId: 'r' }, source.token) as LanguageModelStreamResponse;
        const parts: LanguageModelStreamResponsePart[] = [];
        for await (const part of stream) {
            parts.push(part);
            source.cancel();
        }
        assert.match(textOf(parts), /^Begin/);
    });

    it('hands a long answer out in few pieces, whole', async () => {
        let pieces = 0;
        let length = 0;
        for await (const part of await ask('echo: repeat 2000000')) {
            if (isTextResponsePart(part)) {
                pieces++;
                length += part.content.length;
                // As whoever shows it: busy with each piece.
                const until = performance.now() + 5;
                while (performance.now() < until) { /* busy */ }
            }
        }
        assert.ok(length >= 2_000_000, `${length}`);
        assert.ok(pieces < 1000, `${pieces}`);
    });

    it('fails with what the server says, after what came before', async () => {
        await assert.rejects(async () => all(await ask('echo: fail busy')), (error: BridgeError) => error.kind === 'ModelBusy');
        const parts: LanguageModelStreamResponsePart[] = [];
        await assert.rejects(async () => {
            for await (const part of await ask('Some of it\necho: break')) {
                parts.push(part);
            }
        }, BridgeError);
        assert.match(textOf(parts), /^Some/);
    });

    it('fails at once without a connection, and is not asked again by itself', async () => {
        const parts: LanguageModelStreamResponsePart[] = [];
        await assert.rejects(async () => {
            for await (const part of await ask('Wait\necho: hold')) {
                parts.push(part);
                browser.sockets.at(-1)!.terminate();
            }
        }, (error: BridgeError) => error.kind === 'Unavailable');
        assert.equal(parts.length, 1);
    });
});
