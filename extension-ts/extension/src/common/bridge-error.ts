/**
 * What a request can fail with. `kind` is a name from the server's error table, or `Unavailable`
 * when the request could not be brought to the server at all.
 */
export class BridgeError extends Error {

    constructor(message: string, readonly kind: string, readonly code: number) {
        super(message);
        this.name = 'BridgeError';
    }

    /** JSON-RPC leaves -32000 to -32099 to implementations; the server's own codes come with a kind. */
    static unavailable(message: string): BridgeError {
        return new BridgeError(message, 'Unavailable', -32000);
    }
}
