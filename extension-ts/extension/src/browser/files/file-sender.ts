import { CancellationToken, cancelled } from '@theia/core/lib/common/cancellation';
import { authorization, sessionUrl } from '../connection/browser-surroundings';

export interface SentFile {
    /** 0 when there was no answer. */
    readonly status: number;
    readonly body: string;
}

export interface SendOptions {
    readonly headers: Record<string, string>;
    /** Called with the bytes sent so far. */
    readonly onProgress?: (sent: number) => void;
    readonly token?: CancellationToken;
}

export const SendFile = Symbol('SendFile');
/** Puts a body to a path below the server's root, for the page's session. Rejects only when it is cancelled. */
export type SendFile = (path: string, body: Blob, options: SendOptions) => Promise<SentFile>;

/** The browser reads a file from the disk as it goes, and of all its means only this one tells how far it is. */
export const sendFileFromBrowser: SendFile = (path, body, { headers, onProgress, token }) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', sessionUrl(path));
    for (const [name, value] of Object.entries({ ...headers, ...authorization() })) {
        request.setRequestHeader(name, value);
    }
    if (onProgress) {
        request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    }
    const cancelling = token?.onCancellationRequested(() => request.abort());
    request.onabort = () => reject(cancelled());
    request.onload = request.onerror = () => resolve({ status: request.status, body: request.responseText });
    request.onloadend = () => cancelling?.dispose();
    request.send(body);
});
