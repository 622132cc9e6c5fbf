import * as protocol from '../../common/protocol.generated';
import { BridgeConnection } from '../connection/bridge-connection';

/** All entries of a folder, asked for in pages, so that one of any size holds up neither the server nor the window for long. */
export async function listFolder(connection: BridgeConnection, path: string): Promise<protocol.DirectoryEntry[]> {
    const entries: protocol.DirectoryEntry[] = [];
    let after: string | null = '';
    while (after !== null) {
        const page: protocol.Directory = await connection.request('fs.readDirectory', { path, after });
        entries.push(...page.entries);
        after = page.next;
    }
    return entries;
}
