import { IncomingMessage } from 'node:http';
import { parseCookie } from 'cookie';
import { Caller, TokenVerifier } from './token-verifier';

/** Not the server's own name for it: on one machine, cookies of all ports are the same. */
export const ACCESS_COOKIE = 'theia_bridge_node_access';

export interface Admission {
    readonly caller: Caller;
    /** Where the token was. */
    readonly by: 'header' | 'query' | 'cookie';
}

/** Decides who is let in. */
export class Gate {

    /** A request passes several doors, and is looked at once. */
    protected readonly admissions = new WeakMap<IncomingMessage, Promise<Admission>>();

    constructor(protected readonly verifier: TokenVerifier) { }

    /**
     * Finds out whose request it is. The first place counts that has a token: the header, the query, the cookie.
     *
     * @throws Refusal
     */
    admit(request: IncomingMessage): Promise<Admission> {
        const admission = this.admissions.get(request) ?? this.look(request);
        this.admissions.set(request, admission);
        return admission;
    }

    protected async look(request: IncomingMessage): Promise<Admission> {
        const { authorization } = request.headers;
        if (authorization) {
            const [scheme, token] = authorization.split(' ', 2);
            return { by: 'header', caller: await this.verifier.verify(scheme.toLowerCase() === 'bearer' ? token : undefined) };
        }
        const inQuery = request.method === 'GET' ? queryOf(request).get('token') : undefined;
        if (inQuery) {
            return { by: 'query', caller: await this.verifier.verify(inQuery) };
        }
        return { by: 'cookie', caller: await this.verifier.verify(readCookie(request, ACCESS_COOKIE)) };
    }
}

export function readCookie(request: IncomingMessage, name: string): string | undefined {
    return parseCookie(request.headers.cookie ?? '')[name];
}

export function queryOf(request: IncomingMessage): URLSearchParams {
    return new URLSearchParams(request.url?.split('?', 2)[1]);
}

/** Without the token, and relative, as the part of the path may be unknown here that a proxy takes away. */
export function withoutToken(request: IncomingMessage): string {
    const query = queryOf(request);
    query.delete('token');
    const name = request.url!.split('?', 1)[0].split('/').pop();
    return `./${name}${query.size ? `?${query}` : ''}`;
}

/** Whether a browser asks for a page to show. On plain http it says so by `Accept` only. */
export function isNavigation({ headers }: IncomingMessage): boolean {
    const mode = headers['sec-fetch-mode'];
    return mode ? mode === 'navigate' : !!headers.accept?.includes('text/html');
}

export function isSecure(request: IncomingMessage): boolean {
    // Whoever forges the header gets a cookie that stays behind on plain http.
    return 'encrypted' in request.socket || request.headers['x-forwarded-proto'] === 'https';
}
