import { ErrorKind } from './protocol.generated';

/** What the server tells of an error besides its message. */
export interface ErrorData {
    readonly kind?: ErrorKind;
    /** It was not done, and may be asked for again after so many seconds. */
    readonly retryAfter?: number;
    /** Finds an error nobody foresaw in the server's log. */
    readonly errorId?: string;
}

/** What a request fails with: by the server's judgement or, `Unavailable`, because it could not be brought there. */
export class BridgeError extends Error {

    constructor(message: string, readonly kind: ErrorKind, readonly data: ErrorData = {}) {
        super(message);
        this.name = 'BridgeError';
    }

    static unavailable(message: string): BridgeError {
        return new BridgeError(message, 'Unavailable');
    }
}
