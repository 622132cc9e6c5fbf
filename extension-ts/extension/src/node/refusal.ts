/** Why somebody is not let in. The message is for them to read, and never holds a token. */
export class Refusal extends Error {

    /** @param status 401: not known; 403: known, but not let in; 503: it cannot be told now. */
    constructor(readonly status: 401 | 403 | 503, message: string) {
        super(message);
    }
}
