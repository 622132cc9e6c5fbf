import 'reflect-metadata';
import * as assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { FilePermission, FileSystemProviderError, FileSystemProviderErrorCode } from '@theia/filesystem/lib/common/files';
import { BridgeConnection } from '../browser/connection/bridge-connection';
import { toUri } from '../browser/files/file-paths';
import { fromVersionUri, toVersionOfFile, toVersionUri } from '../browser/history/file-versions';
import { VersionFileSystemProvider } from '../browser/history/version-file-system';
import { reach, TestBrowser, TestServer } from './server';

describe('VersionFileSystemProvider', { timeout: 60_000 }, () => {

    const server = new TestServer({ THEIA_BRIDGE_HISTORY_MERGE_SECONDS: '0' });
    let browser: TestBrowser;
    let connection: BridgeConnection;
    let versions: VersionFileSystemProvider;

    before(async () => {
        await server.start();
        browser = await new TestBrowser(server).register();
        connection = browser.connect();
        await reach(connection, 'online');
        const container = browser.openFiles(connection);
        container.bind(VersionFileSystemProvider).toSelf();
        versions = container.get(VersionFileSystemProvider);
    });

    after(async () => {
        browser.dispose();
        await server.stop();
    });

    it('has what a file was, whatever its name and size', async () => {
        const large = Buffer.alloc(34 * 1024 * 1024, 'abcdefg');
        for (const [name, content] of [['50% #1?.txt', Buffer.from('first')], ['a\\b', Buffer.alloc(0)], ['large', large]] as const) {
            const path = `/workspace/${name}`;
            await connection.mutate('fs.writeFile', { path, content });
            await connection.mutate('fs.writeFile', { path, content: Buffer.from('something else') });
            const [version] = (await connection.request('fs.history', { path })).versions;
            const uri = toVersionUri(toVersionOfFile(toUri(path), version));
            assert.ok(content.equals(await versions.readFile(uri)));
            const { size, mtime, permissions } = await versions.stat(uri);
            assert.deepEqual([size, mtime, permissions], [content.byteLength, version.savedAt, FilePermission.Readonly]);
            assert.equal(uri.path.base, toUri(path).path.base);
            const found = fromVersionUri(uri)!;
            assert.deepEqual([found.uri.toString(), found.version, found.savedAt], [toUri(path).toString(), version.version, version.savedAt]);
        }
    });

    it('says what there is not, and changes nothing', async () => {
        const fails = (act: Promise<unknown>, code: FileSystemProviderErrorCode): Promise<void> =>
            assert.rejects(act, error => error instanceof FileSystemProviderError && error.code === code);
        const file = toUri('/workspace/50% #1?.txt');
        await fails(versions.readFile(file), FileSystemProviderErrorCode.FileNotFound);
        assert.equal(fromVersionUri(file), undefined);
        await assert.rejects(versions.stat(toVersionUri({ uri: file, version: 'none', savedAt: 1 })), FileSystemProviderError);
        await fails(versions.writeFile(), FileSystemProviderErrorCode.NoPermissions);
        await fails(versions.delete(), FileSystemProviderErrorCode.NoPermissions);
    });
});
