import 'reflect-metadata';
import * as assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
    CodeChatResponseContentImpl, ErrorChatResponseContentImpl, MarkdownChatResponseContentImpl, MutableChatModel, MutableChatRequestModel,
    ThinkingChatResponseContentImpl, ToolCallChatResponseContentImpl
} from '@theia/ai-chat/lib/common/chat-model';
import { SerializedChatModel } from '@theia/ai-chat/lib/common/chat-model-serialization';
import { ParsedChatRequestTextPart } from '@theia/ai-chat/lib/common/parsed-chat-request';
import { generateUuid } from '@theia/core/lib/common/uuid';
import { ChatCopy, ChatForm } from '../browser/chat/chat-copy';
import { fromMessages, toMessages, toShown } from '../browser/chat/chat-records';
import { withoutReferences, withReferences } from '../browser/chat/text-references';
import { BridgeConnection } from '../browser/connection/bridge-connection';
import { BridgeError } from '../common/bridge-error';
import { reach, TestBrowser, TestServer } from './server';

/** Numbers below a bound, the same for the same seed (mulberry32). */
function numbers(seed: number): (bound: number) => number {
    return bound => {
        seed = seed + 0x6D2B79F5 | 0;
        let mixed = Math.imul(seed ^ seed >>> 15, 1 | seed);
        mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
        return Math.floor(((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32 * bound);
    };
}

const WORDS = ['plain', 'ünïcode 🦊', '"quoted"', '\\back\\', '{"$text":[0,1]}', '\u2028', '# heading\n\n', 'x'.repeat(90), '```'];

function say(below: (bound: number) => number): string {
    return Array.from({ length: 1 + below(12) }, () => WORDS[below(WORDS.length)]).join(' ');
}

function ask(model: MutableChatModel, text: string, instead?: MutableChatRequestModel): MutableChatRequestModel {
    const request = { text, referencedRequestId: instead?.id };
    const parts = [new ParsedChatRequestTextPart({ start: 0, endExclusive: text.length }, text)];
    return model.addRequest({ request, parts, toolRequests: new Map(), variables: [] }, 'Assistant');
}

function answer({ response }: MutableChatRequestModel, below: (bound: number) => number): void {
    for (let part = below(4); part >= 0; part--) {
        const text = say(below);
        response.response.addContent([
            () => new MarkdownChatResponseContentImpl(text),
            () => new CodeChatResponseContentImpl(text, 'python'),
            () => new ThinkingChatResponseContentImpl(text, ''),
            () => new ToolCallChatResponseContentImpl(generateUuid(), 'readFile', JSON.stringify({ text }), true, text)
        ][below(4)]());
    }
    response.setLanguageModel('echo');
    if (below(8) === 0) {
        response.response.addContent(new ErrorChatResponseContentImpl(new Error(say(below))));
        response.error(new Error('It broke.'));
    } else {
        response.setTokenUsage({ inputTokens: below(1000), outputTokens: below(1000) });
        response.complete();
    }
}

/** Goes on with a chat as a user might: asks, asks instead of what was asked, and looks at other alternatives. */
function goOn(model: MutableChatModel, below: (bound: number) => number): void {
    const asked = model.getRequests();
    const choice = below(6);
    if (!asked.length || choice < 3) {
        answer(ask(model, say(below)), below);
    } else if (choice < 5) {
        answer(ask(model, say(below), asked[below(asked.length)]), below);
    } else {
        model.getBranch(asked[below(asked.length)].id)!.enablePrevious();
    }
}

function toForm(model: MutableChatModel, title = 'Title'): ChatForm {
    const serialized = model.toSerializable();
    const metadata = { settings: model.settings, rootBranch: serialized.hierarchy.rootBranchId, shown: toShown(serialized) };
    return { fields: { title, agent: 'Assistant', metadata }, messages: toMessages(serialized) };
}

function plain({ requests, responses, ...others }: SerializedChatModel): unknown {
    const sorted = <T extends { readonly id: string }>(items: T[]): T[] => [...items].sort((one, other) => one.id < other.id ? -1 : 1);
    return JSON.parse(JSON.stringify({ ...others, requests: sorted(requests), responses: sorted(responses) }));
}

describe('Chats on the server', { timeout: 120_000 }, () => {

    const server = new TestServer();
    let browser: TestBrowser;
    let connections: BridgeConnection[];

    before(async () => {
        await server.start();
        browser = await new TestBrowser(server).register();
        connections = [browser.connect(), browser.connect()];
        await Promise.all(connections.map(connection => reach(connection, 'online')));
    });

    after(async () => {
        browser.dispose();
        await server.stop();
    });

    /** A tab that has opened a chat: its model, and what it knows of the server's. */
    async function open(id: string, connection = connections[1]): Promise<{ model: MutableChatModel, copy: ChatCopy, title?: string, save(title?: string): Promise<void> }> {
        const copy = new ChatCopy(id, connection);
        const read = await copy.read();
        const data = fromMessages(read.chat, read.messages);
        const model = new MutableChatModel(data.model);
        const contents = new Map(data.model.responses.map(({ requestId, content }) => [requestId, content]));
        for (const { id: request, response } of model.getAllRequests()) {
            for (const part of contents.get(request) ?? []) {
                // As Theia does it, by its kind; that it has a form is what matters here.
                response.response.addContent({ kind: part.kind, toSerializable: () => part, asString: () => part.fallbackMessage } as never);
            }
        }
        copy.didAdopt(toForm(model, data.title), read);
        return { model, copy, title: data.title, save: (title = data.title) => copy.save(() => toForm(model, title)) };
    }

    it('come back exactly, with all that was asked instead', async () => {
        for (let seed = 1; seed <= 12; seed++) {
            const below = numbers(seed);
            const model = new MutableChatModel();
            const copy = new ChatCopy(model.id, connections[0]);
            for (let step = 0; step < 12; step++) {
                goOn(model, below);
                if (below(3) === 0) {
                    await copy.save(() => toForm(model));
                }
            }
            model.setSettings({ commonSettings: { modelId: 'echo' } });
            await copy.save(() => toForm(model));
            assert.deepEqual(copy.changes(toForm(model)), [], `nothing is left to be saved (seed ${seed})`);
            const { chat, messages } = await new ChatCopy(model.id, connections[1]).read();
            assert.deepEqual(plain(fromMessages(chat, messages).model), plain(model.toSerializable()), `seed ${seed}`);

            const again = await open(model.id);
            assert.deepEqual(again.copy.changes(toForm(again.model, again.title)), [], `opening changes nothing (seed ${seed})`);
        }
    });

    it('are saved bit by bit, long ones in parts', async () => {
        const model = new MutableChatModel();
        const copy = new ChatCopy(model.id, connections[0]);
        const text = 'All work and no play. '.repeat(2500);
        for (let i = 0; i < 100; i++) {
            const { response } = ask(model, `${i}`);
            response.response.addContent(new MarkdownChatResponseContentImpl(`${i} ${text}`));
            response.complete();
        }
        assert.ok(copy.changes(toForm(model)).length > 4);
        await copy.save(() => toForm(model));
        answer(ask(model, 'And then?'), numbers(1));
        const [{ messages = [], ...others }, ...more] = copy.changes(toForm(model));
        assert.deepEqual([messages.map(({ role }) => role), 'metadata' in others, more], [['user', 'assistant'], false, []]);
        await copy.save(() => toForm(model));
        const { chat, messages: read } = await new ChatCopy(model.id, connections[1]).read();
        assert.ok(chat.size > 5_000_000);
        assert.deepEqual(plain(fromMessages(chat, read).model), plain(model.toSerializable()));
    });

    it('keep what two windows say at once', async () => {
        const below = numbers(7);
        const first = new MutableChatModel();
        const copy = new ChatCopy(first.id, connections[0]);
        answer(ask(first, 'One'), below);
        await copy.save(() => toForm(first));
        const other = await open(first.id);

        answer(ask(first, 'Two, here'), below);
        answer(ask(other.model, 'Two, there'), below);
        other.model.setSettings({ commonSettings: { modelId: 'echo' } });
        await Promise.all([copy.save(() => toForm(first, 'Renamed')), other.save()]);
        answer(ask(first, 'Three'), below);
        await copy.save(() => toForm(first, 'Renamed'));

        const { model, title } = await open(first.id);
        assert.deepEqual([title, model.settings], ['Renamed', { commonSettings: { modelId: 'echo' } }]);
        const texts = model.getAllRequests().map(({ request }) => request.text);
        assert.deepEqual(texts.sort(), ['One', 'Three', 'Two, here', 'Two, there']);
        const alternatives = model.getBranches()[1].items.map(({ element }) => element.request.text);
        assert.deepEqual(alternatives.sort(), ['Two, here', 'Two, there']);

        // What the first has not shown yet comes to it, and only that.
        const { changed, messages } = await copy.read();
        assert.equal(changed, true);
        assert.deepEqual(messages.map(({ position }) => position), messages.map((_, i) => i));
        assert.equal(messages.length, 8);
    });

    it('come back when one goes on with them that was deleted elsewhere', async () => {
        const model = new MutableChatModel();
        const copy = new ChatCopy(model.id, connections[0]);
        answer(ask(model, 'One'), numbers(3));
        await copy.save(() => toForm(model));
        await connections[1].request('chat.delete', { id: model.id });
        await assert.rejects(new ChatCopy(model.id, connections[1]).read(), (error: BridgeError) => error.kind === 'NotFound');
        answer(ask(model, 'Two'), numbers(4));
        await copy.save(() => toForm(model));
        assert.equal((await open(model.id)).model.getRequests().length, 2);
    });

    it('get what a page has left, unless the server has more of it', async () => {
        const model = new MutableChatModel();
        const request = ask(model, 'One');
        request.response.response.addContent(new MarkdownChatResponseContentImpl('Some'));
        await new ChatCopy(model.id, connections[0]).add(toForm(model));
        const part = toForm(model);
        request.response.response.addContent(new MarkdownChatResponseContentImpl(' of it'));
        request.response.complete();
        await new ChatCopy(model.id, connections[0]).add(toForm(model));
        await new ChatCopy(model.id, connections[0]).add(part);
        const { messages } = await new ChatCopy(model.id, connections[1]).read();
        assert.deepEqual(messages.map(({ content }) => content), ['One', 'Some of it']);
    });

    it('are shown when other programs have made them', async () => {
        const id = generateUuid();
        const message = (name: string, role: 'user' | 'assistant' | 'system') => ({ id: name, role, content: `${role} ${name}` });
        await connections[0].request('chat.store', {
            id, title: 'By a program', metadata: '{"its": "own"}',
            messages: [message('a', 'system'), message('b', 'user'), message('c', 'assistant'), message('d', 'assistant'), message('e', 'user')]
        });
        const { model, save } = await open(id);
        const said = model.getRequests().map(({ request, response }) => [request.text, response.isComplete, response.response.asString() ?? '']);
        assert.deepEqual(said, [['user b', true, 'assistant c\n\nassistant d'], ['user e', true, '']]);
        answer(ask(model, 'And?'), numbers(5));
        await save();
        const { messages } = await new ChatCopy(id, connections[1]).read();
        assert.deepEqual(messages.slice(0, 5).map(({ content }) => content), ['system a', 'user b', 'assistant c', 'assistant d', 'user e']);
        assert.equal(messages.at(-2)!.content, 'And?');
    });
});

describe('References to a text', () => {

    it('leave nothing of a value out', () => {
        for (let seed = 1; seed <= 50; seed++) {
            const below = numbers(seed);
            const texts = Array.from({ length: 4 }, () => say(below));
            const value = (depth: number): unknown => [
                () => texts[below(texts.length)],
                () => below(100),
                () => [value(depth - 1), value(depth - 1)],
                () => ({ [['$text', '$literal', 'a', '__proto__'][below(4)]]: value(depth - 1), b: null })
            ][below(depth > 0 ? 4 : 2)]();
            const text = texts.join('\n');
            const original = JSON.parse(JSON.stringify(value(4)));
            const short = JSON.parse(JSON.stringify(withReferences(original, text)));
            assert.deepEqual(withoutReferences(short, text), original);
        }
        const long = 'long '.repeat(1000);
        assert.ok(JSON.stringify(withReferences({ content: long, again: long }, long)).length < 100);
        assert.equal(withReferences('half \ud83e', ''), 'half \ufffd');
    });
});
