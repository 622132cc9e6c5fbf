import * as protocol from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';

/** A folder's entries, asked for in pages, so that one of any size holds up neither the server nor the window for long. */
export async function* listPages(connection: BridgeConnection, path: string): AsyncGenerator<protocol.DirectoryEntry[]> {
    const ask = (after: string): Promise<protocol.Directory> => {
        const page = connection.request('fs.readDirectory', { path, after });
        // Whether anybody waits for it or not.
        page.catch(() => undefined);
        return page;
    };
    let next: Promise<protocol.Directory> | undefined = ask('');
    while (next) {
        const page: protocol.Directory = await next;
        // On its way while the caller works on this one.
        next = page.next === null ? undefined : ask(page.next);
        yield page.entries;
    }
}

/** All entries of a folder. */
export async function listFolder(connection: BridgeConnection, path: string): Promise<protocol.DirectoryEntry[]> {
    const entries: protocol.DirectoryEntry[] = [];
    for await (const page of listPages(connection, path)) {
        entries.push(...page);
    }
    return entries;
}
