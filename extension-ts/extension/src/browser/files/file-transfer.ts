import { CancellationToken, cancelled, checkCancelled } from '@theia/core/lib/common/cancellation';
import { DisposableCollection } from '@theia/core/lib/common/disposable';
import { generateUuid } from '@theia/core/lib/common/uuid';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BridgeError } from '../../common/bridge-error';
import { ErrorKind, Stat } from '../../common/protocol.generated';
import { BridgeAccess } from '../connection/bridge-access';
import { BridgeConnection } from '../connection/bridge-connection';
import { toResourcePath } from './file-paths';
import { SendFile, SentFile } from './file-sender';

/** What is larger goes beside the channel, where it holds up nothing else. */
export const CHANNEL_BYTES = 4 * 1024 * 1024;

/** How often a body is sent that gets no answer though the channel shows that the server is there. */
const ATTEMPTS = 4;

export interface TransferOptions {
    readonly create: boolean;
    readonly overwrite: boolean;
    readonly ifMatch?: string;
    readonly onProgress?: (sent: number) => void;
    readonly token?: CancellationToken;
}

/** Files that do not go over the channel, for their size. */
@injectable()
export class FileTransfer {

    @inject(BridgeConnection)
    protected readonly connection: BridgeConnection;

    @inject(BridgeAccess)
    protected readonly access: BridgeAccess;

    @inject(SendFile)
    protected readonly send: SendFile;

    /**
     * Writes a file of any size. It appears whole or not at all; sent again after a lost answer, it is applied once.
     *
     * @param path the server's name of it.
     * @throws BridgeError, or what `cancelled()` makes
     */
    async put(path: string, body: Blob, { create, overwrite, ifMatch, onProgress, token }: TransferOptions): Promise<Stat> {
        const { session, user } = await this.connection.info;
        const headers: Record<string, string> = {
            'Content-Type': 'application/octet-stream',
            'Idempotency-Key': generateUuid(),
            // The cookies may be somebody else's by now; then it is refused.
            'Theia-Bridge-Caller': `${user}/${session}`
        };
        if (ifMatch !== undefined) {
            headers['If-Match'] = `"${ifMatch}"`;
        } else if (!create) {
            headers['If-Match'] = '*';
        } else if (!overwrite) {
            headers['If-None-Match'] = '*';
        }
        let renewed = false;
        for (let attempt = 1; ; attempt++) {
            await this.whenOnline(token);
            const { term } = this.access;
            const answer = await this.send(`api/v5/files/${toResourcePath(path)}`, body, { headers, onProgress, token });
            if (answer.status === 200 || answer.status === 201) {
                return JSON.parse(answer.body) as Stat;
            }
            if (answer.status === 0 && attempt < ATTEMPTS) {
                await this.checkReadable(path, body);
                continue;
            }
            if (answer.status === 401 && !renewed && await this.access.renew(term) === 'renewed') {
                renewed = true;
                continue;
            }
            const error = this.toError(path, answer);
            throw error.kind === 'Conflict' && ifMatch === undefined
                ? new BridgeError(error.message, create ? 'FileExists' : 'FileNotFound')
                : error;
        }
    }

    /** A file may be gone from the disk, or a folder in disguise; the browser does not tell that from a lost line. */
    protected async checkReadable(path: string, body: Blob): Promise<void> {
        try {
            await body.slice(0, 1).arrayBuffer();
        } catch (error) {
            throw new BridgeError(`What is to become ${path} cannot be read: ${error instanceof Error ? error.message : error}`, 'FileNotFound');
        }
    }

    protected toError(path: string, { status, body }: SentFile): BridgeError {
        try {
            const { kind, detail } = JSON.parse(body) as { kind: ErrorKind, detail: string };
            return new BridgeError(detail, kind);
        } catch {
            // A proxy's own page, or no answer.
            return status === 413
                ? new BridgeError(`${path} is larger than a proxy on the way to the server lets through.`, 'FileTooLarge')
                : BridgeError.unavailable(status
                    ? `The server answered ${status} when ${path} was sent.`
                    : `The connection broke again and again while ${path} was sent.`);
        }
    }

    protected whenOnline(token: CancellationToken | undefined): Promise<void> {
        checkCancelled(token);
        const { connection } = this;
        if (connection.state === 'online') {
            return Promise.resolve();
        }
        const listening = new DisposableCollection();
        return new Promise<void>((resolve, reject) => {
            listening.push(connection.onDidChangeState(state => {
                if (state === 'online') {
                    resolve();
                } else if (state === 'replaced') {
                    reject(BridgeError.unavailable('Somebody else has signed in in this browser.'));
                }
            }));
            if (token) {
                listening.push(token.onCancellationRequested(() => reject(cancelled())));
            }
        }).finally(() => listening.dispose());
    }
}
