import 'reflect-metadata';
import * as assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { BridgeAccess } from '../browser/connection/bridge-access';
import { BridgeConnection } from '../browser/connection/bridge-connection';
import { FileWatches } from '../browser/files/file-watches';
import { BridgeError } from '../common/bridge-error';
import { FrameRecord, FrameRecorder } from '../common/frames/frame-recorder';
import { Change } from '../common/protocol.generated';
import { reach, TestBrowser, TestPage, TestServer } from './server';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const unavailable = (error: unknown): boolean => error instanceof BridgeError && error.kind === 'Unavailable';

describe('BridgeConnection', { timeout: 60_000 }, () => {

    const server = new TestServer();
    const browsers: TestBrowser[] = [];

    before(() => server.start());
    after(() => server.stop());
    afterEach(() => browsers.splice(0).forEach(browser => browser.dispose()));

    async function register(at = server): Promise<TestBrowser> {
        const browser = await new TestBrowser(at).register();
        browsers.push(browser);
        return browser;
    }

    /** What other pages of the same user see of a folder while something is done, and then of a last change. */
    async function changesDuring(browser: TestBrowser, act: () => Promise<void>): Promise<Change[]> {
        const witness = browser.connect();
        const watches = new FileWatches(witness);
        await witness.info;
        await reach(witness, 'online');
        await watches.watch(1, '/workspace', true, []);
        const seen: Change[] = [];
        const last = new Promise<void>(resolve => watches.onDidChange(changes => {
            seen.push(...changes);
            if (changes.some(({ path }) => path === '/workspace/last')) {
                resolve();
            }
        }));
        await act();
        await witness.mutate('fs.writeFile', { path: '/workspace/last', content: text('') });
        await last;
        return seen;
    }

    it('tells whose session it is', async () => {
        const info = await (await register()).connect().info;
        assert.equal(info.userName, 'Test');
        assert.deepEqual([...info.roots].sort(), ['/home', '/workspace']);
    });

    it('applies a change once, whose answer was lost with the line', async () => {
        const browser = await register();
        const connection = browser.connect();
        await reach(connection, 'online');
        const [socket] = browser.sockets;
        const changes = await changesDuring(browser, async () => {
            socket.deaf = true;
            const written = connection.mutate('fs.writeFile', { path: '/workspace/once', content: text('once') });
            const witness = browser.connect();
            // The server has done it when others can see it.
            for (let there = false; !there;) {
                const { entries } = await witness.request('fs.readDirectory', { path: '/workspace' });
                there = entries.some(({ name }) => name === 'once');
            }
            socket.terminate();
            await written;
        });
        const sent = browser.sockets.flatMap(({ frames }) => frames).filter(frame => Buffer.from(frame).includes('/workspace/once'));
        assert.equal(sent.length, 2);
        assert.deepEqual(sent[0], sent[1]);
        assert.equal(changes.filter(({ path }) => path === '/workspace/once').length, 1);
    });

    it('waits while the server takes no more, and then goes on in the order of what was asked', async () => {
        const browser = await register();
        const connection = browser.connect();
        await reach(connection, 'online');
        const [socket] = browser.sockets;
        socket.busy = 3;
        const changes = await changesDuring(browser, async () => {
            const before = socket.frames.length;
            const first = ['a', 'b', 'c'].map(name => connection.mutate('fs.writeFile', { path: `/workspace/${name}`, content: text(name) }));
            assert.equal(socket.frames.length, before + 3);
            await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
            const later = connection.mutate('fs.writeFile', { path: '/workspace/d', content: text('d') });
            assert.equal(socket.frames.length, before + 3);
            await Promise.all([...first, later]);
            assert.deepEqual(socket.frames.slice(before + 3, before + 6), socket.frames.slice(before, before + 3));
            assert.equal(socket.frames.length, before + 7);
        });
        assert.deepEqual(changes.map(({ path }) => path).sort(), ['a', 'b', 'c', 'd', 'last'].map(name => `/workspace/${name}`));
    });

    it('empties the trash once, whose answer was lost with the line', async () => {
        const browser = await register();
        const connection = browser.connect();
        const witness = browser.connect();
        const throwAway = async (name: string): Promise<void> => {
            await witness.mutate('fs.writeFile', { path: `/workspace/${name}`, content: text('') });
            await witness.mutate('fs.delete', { path: `/workspace/${name}`, useTrash: true });
        };
        const inTrash = async (): Promise<string[]> => (await witness.request('trash.list', {})).items.map(({ path }) => path);
        await reach(connection, 'online');
        const [socket] = browser.sockets;
        await throwAway('before');
        socket.deaf = true;
        const emptied = connection.mutate('trash.empty', {});
        while ((await inTrash()).length > 0) { }
        await throwAway('after');
        socket.terminate();
        assert.deepEqual(await emptied, { items: 1 });
        assert.deepEqual(await inTrash(), ['/workspace/after']);
    });

    it('completes what was asked for while the server was away', async () => {
        const own = new TestServer();
        await own.start();
        try {
            const browser = await register(own);
            const connection = browser.connect();
            await reach(connection, 'online');
            await own.kill();
            await reach(connection, 'offline');
            const written = connection.mutate('fs.writeFile', { path: '/workspace/later', content: text('later') });
            const listed = connection.request('fs.readDirectory', { path: '/workspace' });
            await assert.rejects(connection.request('rpc.ping', undefined, false), unavailable);
            await own.start();
            await Promise.all([written, listed]);
            const { content } = await connection.request('fs.readFile', { path: '/workspace/later' });
            assert.equal(Buffer.from(content).toString(), 'later');
            assert.equal(connection.state, 'online');
            assert.equal(browser.refreshes, 0, 'no refresh token is spent because the server went away');
        } finally {
            await own.stop();
        }
    });

    it('does not send a change again that the server may have forgotten', async () => {
        const browser = await register();
        const connection = browser.connect({ remember: -1 });
        await reach(connection, 'online');
        const [socket] = browser.sockets;
        socket.send = () => { };
        const written = connection.mutate('fs.writeFile', { path: '/workspace/forgotten', content: text('') });
        const asked = connection.request('fs.stat', { path: '/workspace' });
        const refused = assert.rejects(written, unavailable);
        socket.terminate();
        await refused;
        assert.equal((await asked).type, 'directory', 'what only reads is asked again');
        const { entries } = await connection.request('fs.readDirectory', { path: '/workspace' });
        assert.ok(!entries.some(({ name }) => name === 'forgotten'));
    });

    it('sends a call as it is written, in JSON too, and tells of every frame', async () => {
        const connection = (await register()).connect();
        await reach(connection, 'online');
        const recorder = new FrameRecorder();
        const records: FrameRecord[] = [];
        connection.onFrame(frame => records.push(recorder.record(frame)));
        const params = { path: '/workspace/bytes', content: 'aGk=' };
        await connection.startCall({ method: 'fs.writeFile', params, encoding: 'json' }).answer;
        const read = connection.startCall({ method: 'fs.readFile', params: { path: params.path }, encoding: 'msgpack' });
        const { content } = await read.answer as { content: Uint8Array };
        assert.deepEqual([...content], [...text('hi')]);
        const failed = connection.startCall({ method: 'no.such', params: { token: 'a'.repeat(9) }, encoding: 'json' });
        await assert.rejects(failed.answer, { kind: 'MethodNotFound' });
        assert.deepEqual(records.map(({ sent, kind, method, encoding, errorKind }) => ({ sent, kind, method, encoding, errorKind })), [
            { sent: true, kind: 'request', method: 'fs.writeFile', encoding: 'json', errorKind: undefined },
            { sent: false, kind: 'answer', method: 'fs.writeFile', encoding: 'json', errorKind: undefined },
            { sent: true, kind: 'request', method: 'fs.readFile', encoding: 'msgpack', errorKind: undefined },
            { sent: false, kind: 'answer', method: 'fs.readFile', encoding: 'msgpack', errorKind: undefined },
            { sent: true, kind: 'request', method: 'no.such', encoding: 'json', errorKind: undefined },
            { sent: false, kind: 'error', method: 'no.such', encoding: 'json', errorKind: 'MethodNotFound' }
        ]);
        assert.deepEqual(records[3].id, read.id);
        assert.deepEqual((records[3].content.value as { content: unknown }).content, '<2 bytes>');
        assert.deepEqual(records[4].content, { value: { token: '***' }, whole: false });
    });

    it('lets only so much wait', async () => {
        const connection = new BridgeConnection({
            page: new TestPage(),
            openSocket: () => new TestBrowser(server).openSocket(),
            access: new BridgeAccess(new TestBrowser(server).openTab(), async () => { throw new Error('away'); })
        });
        const waiting = Array.from({ length: 1000 }, () => connection.request('fs.stat', { path: '/workspace' }));
        await assert.rejects(connection.request('fs.stat', { path: '/workspace' }), unavailable);
        connection.dispose();
        for (const outcome of await Promise.allSettled(waiting)) {
            assert.equal(outcome.status, 'rejected');
        }
    });

    it('resumes watches behind the last change seen', async () => {
        const browser = await register();
        const connection = browser.connect();
        const other = browser.connect();
        const watches = new FileWatches(connection);
        await Promise.all([reach(connection, 'online'), reach(other, 'online')]);
        await watches.watch(1, '/workspace', true, ['**/unseen/**']);
        const seen: string[] = [];
        let lost = 0;
        watches.onDidLoseTrack(() => lost++);
        const arrived = (name: string): Promise<void> => new Promise(resolve => watches.onDidChange(changes => {
            if (changes.some(({ path }) => path === `/workspace/${name}`)) {
                resolve();
            }
        }));
        watches.onDidChange(changes => seen.push(...changes.map(({ path }) => path)));

        const first = arrived('a');
        await other.mutate('fs.writeFile', { path: '/workspace/a', content: text('') });
        await first;
        const line = browser.sockets[0];
        line.deaf = true;
        await other.mutate('fs.writeFile', { path: '/workspace/b', content: text('') });
        const second = arrived('b');
        line.terminate();
        await second;
        const third = arrived('c');
        await other.mutate('fs.writeFile', { path: '/workspace/c', content: text('') });
        await third;
        assert.deepEqual(seen.filter(path => path.length === '/workspace/a'.length), ['/workspace/a', '/workspace/b', '/workspace/c']);
        assert.equal(lost, 0);
        watches.dispose();
    });

    it('says so when changes were missed for good', async () => {
        class ForgetfulWatches extends FileWatches {
            misplace(): void {
                this.watches.forEach(watch => { watch.cursor = 'no cursor of this feed'; });
            }
        }
        const browser = await register();
        const connection = browser.connect();
        await reach(connection, 'online');
        const watches = new ForgetfulWatches(connection);
        await watches.watch(1, '/workspace', true, []);
        watches.misplace();
        const lost = new Promise(resolve => watches.onDidLoseTrack(resolve));
        browser.sockets[0].terminate();
        assert.equal(await lost, '/workspace');
        const changed = new Promise<readonly Change[]>(resolve => watches.onDidChange(resolve));
        await connection.mutate('fs.writeFile', { path: '/workspace/new', content: text('') });
        assert.ok((await changed).some(({ path }) => path === '/workspace/new'), 'and watches on');
        watches.dispose();
    });

    it('notices a line that went silent', async () => {
        const browser = await register();
        const connection = browser.connect({ idle: 20, answer: 200, busyAnswer: 200 });
        await reach(connection, 'online');
        const asked = connection.request('fs.stat', { path: '/workspace' });
        browser.sockets[0].deaf = true;
        await reach(connection, 'offline');
        assert.equal((await asked).type, 'directory');
        assert.ok(browser.sockets.length > 1);
    });

    it('keeps the channel open past the end of the token it was opened with', async () => {
        const own = new TestServer({ THEIA_BRIDGE_ACCESS_TOKEN_SECONDS: '6' });
        await own.start();
        try {
            const browser = await register(own);
            const access = browser.openAccess();
            const connection = browser.connect();
            await reach(connection, 'online');
            let renewals = 0;
            const renewed = new Promise<void>(resolve => access.onDidRenew(() => {
                if (++renewals === 3) {
                    resolve();
                }
            }));
            await access.renew(access.term);
            // Two more come by themselves, each ahead of the end of the one before: the last after the first one's end.
            await renewed;
            await connection.request('rpc.ping', undefined);
            assert.equal(browser.sockets.length, 1);
            assert.equal(browser.refreshes, 3);
        } finally {
            await own.stop();
        }
    });

    it('spends a refresh token once, however many tabs want to', async () => {
        const browser = await register();
        const tabs = Array.from({ length: 5 }, () => browser.openAccess());
        const outcomes = await Promise.all(tabs.map(tab => tab.renew(undefined)));
        assert.deepEqual(new Set(outcomes), new Set(['renewed']));
        assert.equal(browser.refreshes, 1);
    });

    it('waits for the user to sign in again when the server knows them no more', async () => {
        const browser = await register();
        const connection = browser.connect();
        await reach(connection, 'online');
        await browser.logout();
        await reach(connection, 'signed-out');
        const written = connection.mutate('fs.writeFile', { path: '/workspace/kept', content: text('kept') });
        await browser.login();
        // As soon as another tab is signed in.
        browser.connect();
        await written;
        assert.equal(connection.state, 'online');
    });

    it('is told that it is signed out, on a line that has just come back several times', async () => {
        const browser = await register();
        const connection = browser.connect();
        await reach(connection, 'online');
        for (let count = 0; count < 3; count++) {
            browser.sockets.at(-1)!.terminate();
            await reach(connection, 'offline');
            await reach(connection, 'online');
        }
        await browser.logout();
        await reach(connection, 'signed-out');
    });

    it('sends nothing in the name of somebody else who signed in meanwhile', async () => {
        const browser = await register();
        const stranger = await register();
        const connection = browser.connect();
        await reach(connection, 'online');
        const line = browser.sockets[0];
        browser.become(stranger);
        line.terminate();
        await reach(connection, 'offline');
        const written = connection.mutate('fs.writeFile', { path: '/workspace/secret', content: text('mine') });
        written.catch(() => undefined);
        await reach(connection, 'replaced');
        const theirs = stranger.connect();
        const { entries } = await theirs.request('fs.readDirectory', { path: '/workspace' });
        assert.ok(!entries.some(({ name }) => name === 'secret'));
        await assert.rejects(connection.request('fs.stat', { path: '/workspace' }), unavailable);
    });

    it('keeps two pages of one browser in two sessions', async () => {
        const browser = await register();
        const first = browser.connect();
        const { id } = await first.request('sessions.create', { name: 'Other' });
        const second = browser.connect({}, id);
        await Promise.all([reach(first, 'online'), reach(second, 'online')]);
        const { session } = await first.info;
        assert.equal((await second.info).session, id);
        // The new token is for the session that was signed in to, and good for both channels.
        const access = browser.openAccess();
        await access.renew(access.term);
        await Promise.all([first, second].map(connection => connection.request('rpc.ping', undefined)));
        assert.equal(browser.sockets.length, 2);
        // Signed out and in again, each comes back to its own.
        await browser.logout();
        await Promise.all([reach(first, 'signed-out'), reach(second, 'signed-out')]);
        const written = Promise.all([
            first.mutate('fs.writeFile', { path: '/workspace/which', content: text(session) }),
            second.mutate('fs.writeFile', { path: '/workspace/which', content: text(id) })
        ]);
        await browser.login();
        browser.connect();
        await written;
        for (const connection of [first, second]) {
            const { content } = await connection.request('fs.readFile', { path: '/workspace/which' });
            assert.equal(Buffer.from(content).toString(), connection === first ? session : id);
        }
    });

    it('waits for its session while that is deleted, and saves when it is restored', async () => {
        const browser = await register();
        const first = browser.connect();
        await reach(first, 'online');
        const own = (await first.info).session;
        const { id } = await first.request('sessions.create', { name: 'Other' });
        const second = browser.connect({}, id);
        await reach(second, 'online');
        await second.request('sessions.delete', { session: own });
        await reach(first, 'session-gone');
        const written = first.mutate('fs.writeFile', { path: '/workspace/kept', content: text('kept') });
        await second.request('sessions.restore', { session: own });
        first.wake();
        await written;
        assert.equal((await first.info).session, own);
        assert.equal(first.state, 'online');
        const { entries } = await second.request('fs.readDirectory', { path: '/workspace' });
        assert.ok(!entries.some(({ name }) => name === 'kept'));
        const { content } = await first.request('fs.readFile', { path: '/workspace/kept' });
        assert.equal(Buffer.from(content).toString(), 'kept');
    });
});
