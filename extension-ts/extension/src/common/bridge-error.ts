import { ErrorKind } from './protocol.generated';

/** What a request fails with: by the server's judgement or, `Unavailable`, because it could not be brought there. */
export class BridgeError extends Error {

    constructor(message: string, readonly kind: ErrorKind) {
        super(message);
        this.name = 'BridgeError';
    }

    static unavailable(message: string): BridgeError {
        return new BridgeError(message, 'Unavailable');
    }
}
