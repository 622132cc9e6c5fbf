import { IncomingMessage, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { createProxyServer } from 'http-proxy-3';
import { queryOf } from './gate';
import { StockSettings } from './settings';
import { Caller } from './token-verifier';

/** What pages may ask of the server, by method: files too large for the channel, whether it is there, and whether a session is. */
const ROUTES: Readonly<Record<string, RegExp>> = {
    GET: /^\/(healthz$|api\/v5\/(files\/|sessions\/[^/]+$|users\/me$))/,
    HEAD: /^\/(healthz$|api\/v5\/files\/)/,
    POST: /^\/api\/v5\/sessions\/[^/]+\/restore$/,
    PUT: /^\/api\/v5\/files\//
};

const CHANNEL = '/ws/rpc';

/** Hands on to the server what a page asks of it, with the caller's token in place of the browser's cookies. */
export class ServerProxy {

    protected readonly proxy;

    constructor(settings: StockSettings) {
        this.proxy = createProxyServer({ target: settings.server, changeOrigin: true });
        this.proxy.on('error', (_error, _request, answer) => {
            if (answer instanceof ServerResponse && !answer.headersSent) {
                answer.writeHead(503, { 'Content-Type': 'text/plain' }).end(`The Theia Bridge server at ${settings.server} does not answer.`);
            } else {
                answer.destroy();
            }
        });
    }

    /** @returns whether it is a request for the server; its path is as there. */
    web(caller: Caller, request: IncomingMessage, response: ServerResponse): boolean {
        if (!ROUTES[request.method!]?.test(pathOf(request))) {
            return false;
        }
        this.prepare(caller, request);
        this.proxy.web(request, response, {});
        return true;
    }

    /** As `web`, for an upgrade. */
    upgrade(caller: Caller, request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
        if (pathOf(request) !== CHANNEL) {
            return false;
        }
        this.prepare(caller, request);
        this.proxy.ws(request, socket, head);
        return true;
    }

    protected prepare(caller: Caller, request: IncomingMessage): void {
        const { headers } = request;
        for (const name of ['cookie', 'origin', 'referer', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']) {
            delete headers[name];
        }
        headers.authorization = `Bearer ${caller.token}`;
        const query = queryOf(request);
        query.delete('token');
        request.url = pathOf(request) + (query.size ? `?${query}` : '');
    }
}

function pathOf(request: IncomingMessage): string {
    return request.url!.split('?', 1)[0];
}
