import { Disposable, DisposableCollection } from '@theia/core/lib/common/disposable';
import { parse, ParsedPattern } from '@theia/core/lib/common/glob';
import URI from '@theia/core/lib/common/uri';
import {
    DidChangeWatchedFilesNotification, DidChangeWatchedFilesRegistrationOptions, FileChangeType as Change, FileEvent, FileSystemWatcher, MessageConnection,
    WatchKind
} from '@theia/core/shared/vscode-languageserver-protocol';
import { FileService } from '@theia/filesystem/lib/browser/file-service';
import { FileChange, FileChangeType } from '@theia/filesystem/lib/common/files';

const CHANGES: Readonly<Record<FileChangeType, { readonly type: Change, readonly kind: WatchKind }>> = {
    [FileChangeType.ADDED]: { type: Change.Created, kind: WatchKind.Create },
    [FileChangeType.UPDATED]: { type: Change.Changed, kind: WatchKind.Change },
    [FileChangeType.DELETED]: { type: Change.Deleted, kind: WatchKind.Delete }
};

/**
 * Tells a server of changes of the files that it has asked to watch.
 *
 * @param settle resolves when what was changed before is on the server's disk: it reads what it is told of at once.
 */
export function watchFiles(
    files: FileService, connection: MessageConnection, { watchers }: DidChangeWatchedFilesRegistrationOptions, settle: () => Promise<void>
): Disposable {
    const wanted = watchers.map(toFilter);
    let waiting: FileEvent[] = [];
    const tell = async (): Promise<void> => {
        await settle();
        const changes = waiting;
        waiting = [];
        if (!watching.disposed) {
            connection.sendNotification(DidChangeWatchedFilesNotification.type, { changes });
        }
    };
    const watching = new DisposableCollection(files.onDidFilesChange(({ changes }) => {
        const told = changes.filter(change => change.resource.scheme === 'file' && wanted.some(wants => wants(change)))
            .map<FileEvent>(({ resource, type }) => ({ uri: resource.toString(), type: CHANGES[type].type }));
        if (told.length) {
            waiting.push(...told);
            if (waiting.length === told.length) {
                tell();
            }
        }
    }));
    return watching;
}

function toFilter({ globPattern, kind = WatchKind.Create | WatchKind.Change | WatchKind.Delete }: FileSystemWatcher): (change: FileChange) => boolean {
    const [base, glob] = typeof globPattern === 'string'
        ? [undefined, globPattern]
        : [new URI(typeof globPattern.baseUri === 'string' ? globPattern.baseUri : globPattern.baseUri.uri), globPattern.pattern];
    const matches: ParsedPattern = parse(glob);
    return ({ resource, type }) => {
        const path = base ? base.relative(resource)?.toString() : resource.path.toString();
        return !!(kind & CHANGES[type].kind) && path !== undefined && matches(path);
    };
}
