import 'reflect-metadata';
import * as assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CancellationTokenSource, cancelled, isCancelled } from '@theia/core/lib/common/cancellation';
import { Container } from '@theia/core/shared/inversify';
import {
    FileOperationError, FileOperationResult, FilePermission, FileReadStreamOptions, FileSystemProviderError, FileSystemProviderErrorCode, FileType
} from '@theia/filesystem/lib/common/files';
import { FileAccess } from '@theia/filesystem/lib/common/filesystem';
import { RemoteFileChange, RemoteFileSystemClient } from '@theia/filesystem/lib/common/remote-file-system-provider';
import { BridgeConnection } from '../browser/connection/bridge-connection';
import { BridgeStorageService } from '../browser/storage/bridge-storage-service';
import { toUri } from '../browser/files/file-paths';
import { BridgeFileSystemServer } from '../browser/files/bridge-file-system-server';
import { CHANNEL_BYTES, FileTransfer } from '../browser/files/file-transfer';
import { BridgeError } from '../common/bridge-error';
import { reach, TestBrowser, TestServer } from './server';

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const uri = (name: string): string => toUri(`/workspace/${name}`).toString();
const REPLACING = { create: true, overwrite: true };
const IDLE_CLIENT: RemoteFileSystemClient = {
    notifyDidChangeFile: () => { },
    notifyFileWatchError: () => { },
    notifyDidChangeCapabilities: () => { },
    notifyDidChangeReadOnlyMessage: () => { },
    onFileStreamData: () => { },
    onFileStreamEnd: () => { }
};

describe('BridgeFileSystemServer', { timeout: 60_000 }, () => {

    const server = new TestServer();
    let browser: TestBrowser;
    let connection: BridgeConnection;
    let files: BridgeFileSystemServer;

    before(async () => {
        await server.start();
        browser = await new TestBrowser(server).register();
        connection = browser.connect();
        await reach(connection, 'online');
        files = filesOf(connection);
    });

    function filesOf(connected: BridgeConnection): BridgeFileSystemServer {
        return browser.openFiles(connected).get(BridgeFileSystemServer);
    }

    after(async () => {
        files.dispose();
        browser.dispose();
        await server.stop();
    });

    /** How many requests it takes. */
    async function requests(act: () => Promise<unknown>): Promise<number> {
        const before = browser.sockets[0].frames.length;
        await act();
        return browser.sockets[0].frames.length - before;
    }

    it('gives errors the codes Theia knows', async () => {
        await files.mkdir(uri('folder'));
        await files.writeFile(uri('folder/file'), text('x'), REPLACING);
        const fails = async (act: () => Promise<unknown>, code: FileSystemProviderErrorCode): Promise<void> =>
            assert.rejects(act, error => {
                assert.ok(error instanceof FileSystemProviderError);
                assert.equal(error.code, code);
                assert.ok(error.message.length > 0);
                return true;
            });
        await fails(() => files.stat(uri('missing')), FileSystemProviderErrorCode.FileNotFound);
        await fails(() => files.readFile(uri('missing')), FileSystemProviderErrorCode.FileNotFound);
        await fails(() => files.mkdir(uri('folder')), FileSystemProviderErrorCode.FileExists);
        await fails(() => files.writeFile(uri('folder/file'), text('y'), { create: true, overwrite: false }), FileSystemProviderErrorCode.FileExists);
        await fails(() => files.writeFile(uri('new'), text('y'), { create: false, overwrite: true }), FileSystemProviderErrorCode.FileNotFound);
        await fails(() => files.readFile(uri('folder')), FileSystemProviderErrorCode.FileIsADirectory);
        await fails(() => files.readdir(uri('folder/file')), FileSystemProviderErrorCode.FileNotADirectory);
        await fails(() => files.delete(uri('folder'), { recursive: false, useTrash: false }), FileSystemProviderErrorCode.Unknown);
        await fails(() => files.rename(uri('folder'), uri('folder/inside'), { overwrite: false }), FileSystemProviderErrorCode.Unknown);
    });

    it('lists a folder and the stats of all in it with one request', async () => {
        await files.mkdir(uri('many'));
        const names = Array.from({ length: 200 }, (_, index) => `file-${index}`);
        await Promise.all(names.map(name => files.writeFile(uri(`many/${name}`), text(name), REPLACING)));
        const list = async (): Promise<void> => {
            const entries = await files.readdir(uri('many'));
            assert.equal(entries.length, 200);
            const stats = await Promise.all(entries.map(([name]) => files.stat(uri(`many/${name}`))));
            entries.forEach(([name, type], index) => {
                assert.equal(type, FileType.File);
                assert.equal(stats[index].size, name.length);
            });
        };
        assert.equal(await requests(list), 1);
        assert.equal(await requests(list), 1);
    });

    it('lists a large folder page by page', async () => {
        await files.mkdir(uri('large folder'));
        const names = Array.from({ length: 2_100 }, (_, index) => `file-${index}`);
        await Promise.all(names.map(name => connection.mutate('fs.writeFile', { path: `/workspace/large folder/${name}`, content: text('') })));
        const listed: string[] = [];
        const sizes: number[] = [];
        for await (const page of files.list(toUri('/workspace/large folder'))) {
            sizes.push(page.length);
            listed.push(...page.map(({ name }) => name));
        }
        assert.ok(sizes.length > 1);
        assert.deepEqual(listed.sort(), names.sort());
        assert.deepEqual((await files.readdir(uri('large folder'))).map(([name]) => name).sort(), names);
        await assert.rejects(files.list(toUri('/workspace/missing')).next(), error =>
            error instanceof FileSystemProviderError && error.code === FileSystemProviderErrorCode.FileNotFound);
    });

    it('says who may write a file', async () => {
        const refused = (act: Promise<unknown>): Promise<void> =>
            assert.rejects(act, error => error instanceof FileSystemProviderError && error.code === FileSystemProviderErrorCode.NoPermissions);
        await files.writeFile(uri('locked'), text('x'), REPLACING);
        assert.equal((await files.stat(uri('locked'))).permissions, undefined);
        await files.access(uri('locked'), FileAccess.Constants.R_OK | FileAccess.Constants.W_OK);
        await connection.mutate('fs.setAttributes', { path: '/workspace/locked', readonly: true });
        assert.equal((await files.stat(uri('locked'))).permissions, FilePermission.Readonly);
        await files.access(uri('locked'));
        await files.access(uri('locked'), FileAccess.Constants.R_OK);
        await refused(files.access(uri('locked'), FileAccess.Constants.W_OK));
        await refused(files.writeFile(uri('locked'), text('y'), REPLACING));
        await refused(files.writeFile(uri('locked'), new Uint8Array(CHANNEL_BYTES + 1), REPLACING));
        await assert.rejects(files.access(uri('missing')), error =>
            error instanceof FileSystemProviderError && error.code === FileSystemProviderErrorCode.FileNotFound);
    });

    it('puts into the trash what is to go there, and tells of it', async () => {
        const told: string[] = [];
        const listening = files.onDidTrash(path => told.push(path));
        for (const useTrash of [true, false]) {
            await files.writeFile(uri('to delete'), text('x'), REPLACING);
            await files.delete(uri('to delete'), { recursive: false, useTrash });
        }
        listening.dispose();
        assert.deepEqual(told, ['/workspace/to delete']);
        const { items } = await connection.request('trash.list', {});
        assert.deepEqual(items.map(({ path }) => path), told);
    });

    it('does not keep such a stat beyond the moment, nor beyond a change', async () => {
        await files.mkdir(uri('moment'));
        await files.writeFile(uri('moment/a'), text('short'), REPLACING);
        await files.readdir(uri('moment'));
        assert.equal(await requests(() => files.writeFile(uri('moment/a'), text('longer than before'), REPLACING)), 1);
        assert.equal((await files.stat(uri('moment/a'))).size, 18);

        await files.readdir(uri('moment'));
        await new Promise(resolve => setTimeout(resolve, 0));
        assert.equal(await requests(() => files.stat(uri('moment/a'))), 1);
    });

    it('brings any name and any content there and back', async () => {
        for (const name of ['50% #1?.txt', 'über/ünter', ' leading and trailing ', '日本語.md', 'a:b&c=d;e', '%41', '.hidden']) {
            const content = Uint8Array.from({ length: 256 }, (_, byte) => byte);
            if (name.includes('/')) {
                await files.mkdir(uri(name.slice(0, name.indexOf('/'))));
            }
            await files.writeFile(uri(name), content, REPLACING);
            assert.deepEqual(Buffer.from(await files.readFile(uri(name))), Buffer.from(content));
            await files.copy(uri(name), uri(`${name}.copy`), { overwrite: false });
            await files.rename(uri(`${name}.copy`), uri(`${name}.moved`), { overwrite: false });
            assert.equal((await files.stat(uri(`${name}.moved`))).size, 256);
            await files.delete(uri(`${name}.moved`), { recursive: false, useTrash: false });
        }
    });

    it('brings files larger than a frame there and back, beside the channel', async () => {
        const { maxFrame } = await connection.info;
        const content = Buffer.alloc(maxFrame + 1, 'abcdefg');
        const sent = await requests(() => files.writeFile(uri('large'), content, REPLACING));
        assert.equal(sent, 0);
        assert.ok(content.equals(await files.readFile(uri('large'))));
    });

    it('keeps to what the writer of a large file expects to be there', async () => {
        const [first, second] = ['a', 'b'].map(letter => Buffer.alloc(CHANNEL_BYTES + 1, letter));
        const fails = async (act: Promise<unknown>, code: FileSystemProviderErrorCode): Promise<void> =>
            assert.rejects(act, error => error instanceof FileSystemProviderError && error.code === code);
        await fails(files.writeFile(uri('expected'), first, { create: false, overwrite: true }), FileSystemProviderErrorCode.FileNotFound);
        await fails(files.writeFile(uri('nowhere/expected'), first, REPLACING), FileSystemProviderErrorCode.FileNotFound);
        await files.writeFile(uri('expected'), first, { create: true, overwrite: false });
        await fails(files.writeFile(uri('expected'), second, { create: true, overwrite: false }), FileSystemProviderErrorCode.FileExists);
        await files.readFile(uri('expected'));
        const write = files.expect(second, (await files.lastRead.get('/workspace/expected'))!);
        await files.writeFile(uri('expected'), second, REPLACING);
        assert.ok(write.written);
        files.expect(first, 'another-version');
        await assert.rejects(files.writeFile(uri('expected'), first, REPLACING), error =>
            error instanceof FileOperationError && error.fileOperationResult === FileOperationResult.FILE_MODIFIED_SINCE);
        assert.ok(second.equals(await files.readFile(uri('expected'))));
    });

    it('applies a large write once whose answers are lost, and leaves off when told to', async () => {
        const transfer = browser.openFiles(connection).get(FileTransfer);
        const body = new Blob([Buffer.alloc(CHANNEL_BYTES + 1, 'x')]);
        browser.lostAnswers = 2;
        const made = await transfer.put('/workspace/once', body, { create: true, overwrite: false });
        assert.equal((await connection.request('fs.stat', { path: '/workspace/once' })).etag, made.etag);

        const source = new CancellationTokenSource();
        const cancelling = transfer.put('/workspace/once', new Blob([Buffer.alloc(256 * 1024 * 1024)]), { ...REPLACING, token: source.token });
        setTimeout(() => source.cancel(), 0);
        await assert.rejects(cancelling, isCancelled);
        assert.equal((await connection.request('fs.stat', { path: '/workspace/once' })).etag, made.etag);

        const [own, other] = [new TestBrowser(server), await new TestBrowser(server).register()];
        await own.register();
        const page = own.connect();
        await reach(page, 'online');
        own.become(other);
        await assert.rejects(own.openFiles(page).get(FileTransfer).put('/workspace/whose', body, REPLACING), error =>
            error instanceof BridgeError && error.kind === 'NoPermissions');
        own.dispose();
    });

    /** What Theia is told of a stream. */
    function readStream(name: string, options: FileReadStreamOptions = {}, onPiece: (token: CancellationTokenSource) => unknown = () => undefined): Promise<Buffer> {
        const pieces: Uint8Array[] = [];
        const source = new CancellationTokenSource();
        return new Promise((resolve, reject) => {
            files.setClient({
                ...IDLE_CLIENT,
                onFileStreamData: (_, data) => { pieces.push(data); onPiece(source); },
                onFileStreamEnd: (_, error) => error ? reject(error) : resolve(Buffer.concat(pieces))
            });
            files.readFileStream(uri(name), 1, options, source.token).then(() => source.token.isCancellationRequested && reject(cancelled()));
        }).finally(() => files.setClient(undefined)) as Promise<Buffer>;
    }

    it('reads files as streams, each of one version', async () => {
        const content = Buffer.from(Uint8Array.from({ length: 3_500_000 }, (_, index) => index % 251));
        await files.writeFile(uri('stream'), content, REPLACING);
        await files.writeFile(uri('empty'), text(''), REPLACING);
        assert.ok(content.equals(await readStream('stream')));
        assert.equal(await files.lastRead.get('/workspace/stream'), (await connection.request('fs.stat', { path: '/workspace/stream' })).etag);
        assert.equal((await readStream('empty')).byteLength, 0);
        for (const [position, length] of [[1_000_000, 2_000_000], [3_499_999, 10], [9_000_000, 1], [5, 0]]) {
            assert.ok(content.subarray(position, position + length).equals(await readStream('stream', { position, length })));
        }
        assert.ok(content.subarray(12).equals(await readStream('stream', { position: 12 })));
        await assert.rejects(readStream('missing'), error =>
            error instanceof FileSystemProviderError && error.code === FileSystemProviderErrorCode.FileNotFound);
        await assert.rejects(readStream('stream', { limits: { size: 1000 } }), error =>
            error instanceof FileSystemProviderError && error.code === FileSystemProviderErrorCode.FileTooLarge);
        await assert.rejects(readStream('stream', {}, token => token.cancel()), isCancelled);

        const large = Buffer.alloc(64 * 1024 * 1024);
        await files.writeFile(uri('stream'), large, REPLACING);
        let changed: Promise<void> | undefined;
        const torn = readStream('stream', {}, () => changed ??= files.writeFile(uri('stream'), content, REPLACING));
        await assert.rejects(torn, error => error instanceof FileSystemProviderError && /changed while/.test(error.message));
        await changed;
    });

    it('writes conditionally: once however often it is sent, and never over what it does not know', async () => {
        const conditional = browser.connect();
        await reach(conditional, 'online');
        const socket = browser.sockets.at(-1)!;
        const own = filesOf(conditional);
        const path = '/workspace/shared';
        await own.writeFile(uri('shared'), text('one'), REPLACING);
        await own.readFile(uri('shared'));
        const first = (await own.lastRead.get(path))!;

        const second = text('two');
        const write = own.expect(second, first);
        await own.writeFile(uri('shared'), second, REPLACING);
        assert.ok(write.written && write.written.etag !== first);

        // The frame is lost with its line, and meanwhile another page saves something of the same size.
        socket.send = () => { };
        const lost = text('old');
        own.expect(lost, write.written.etag);
        const retried = own.writeFile(uri('shared'), lost, REPLACING);
        await files.writeFile(uri('shared'), text('new'), REPLACING);
        const refused = assert.rejects(retried, error =>
            error instanceof FileOperationError && error.fileOperationResult === FileOperationResult.FILE_MODIFIED_SINCE);
        socket.terminate();
        await refused;
        assert.equal(Buffer.from(await files.readFile(uri('shared'))).toString(), 'new');

        // An answer lost with the line is not a conflict of the write with itself.
        await own.readFile(uri('shared'));
        const deaf = browser.sockets.at(-1)!;
        deaf.deaf = true;
        const fourth = text('4th');
        own.expect(fourth, (await own.lastRead.get(path))!);
        const repeated = own.writeFile(uri('shared'), fourth, REPLACING);
        while (Buffer.from(await files.readFile(uri('shared'))).toString() !== '4th') { /* Until others see it. */ }
        deaf.terminate();
        await repeated;
    });

    it('tells names with a backslash from folders, and from their look-alikes', async () => {
        const names = ['a\\b', 'a\u29f5b', 'a\uf05cb', 'a\uf05c\u29f5b', 'a\uf05c\\b'];
        await files.mkdir(uri('slashes'));
        await files.mkdir(uri('slashes/a'));
        await files.writeFile(uri('slashes/a/b'), text('in a folder'), REPLACING);
        for (const name of names) {
            await connection.mutate('fs.writeFile', { path: `/workspace/slashes/${name}`, content: text(name) });
        }
        const folder = toUri('/workspace/slashes');
        const listed = (await files.readdir(folder.toString())).map(([name]) => name).filter(name => name !== 'a');
        assert.equal(new Set(listed).size, names.length);
        const read = await Promise.all(listed.map(async name => Buffer.from(await files.readFile(folder.resolve(name).toString())).toString()));
        assert.deepEqual(read.sort(), [...names].sort());
        for (const name of listed) {
            await files.delete(folder.resolve(name).toString(), { recursive: false, useTrash: false });
        }
        assert.deepEqual(await files.readdir(folder.toString()), [['a', FileType.Directory]]);
        assert.equal((await files.stat(uri('slashes/a/b'))).size, 11);
    });

    it('makes the folder of what Theia remembers again', async () => {
        const container = new Container();
        container.bind(BridgeConnection).toConstantValue(connection);
        container.bind(BridgeStorageService).toSelf();
        const storage = container.get(BridgeStorageService);
        await storage.setData('layout', 'first');
        await connection.mutate('fs.delete', { path: '/home/.theia', recursive: true });
        await storage.setData('layout', 'second');
        assert.equal(await container.get(BridgeStorageService).getData('layout'), 'second');
    });

    it('reports the changes others make', async () => {
        await files.watch(7, uri(''), { recursive: true, excludes: [] });
        const changed = new Promise<RemoteFileChange[]>(resolve => files.setClient({ ...IDLE_CLIENT, notifyDidChangeFile: ({ changes }) => resolve(changes) }));
        const other = browser.connect();
        await other.mutate('fs.writeFile', { path: '/workspace/of others %', content: text('') });
        assert.ok((await changed).some(({ resource }) => resource === uri('of others %')));
        files.setClient(undefined);
        await files.unwatch(7);
    });
});
