import { IncomingMessage, Server, ServerResponse, STATUS_CODES } from 'node:http';
import * as https from 'node:https';
import { Duplex } from 'node:stream';
import * as express from '@theia/core/shared/express';
import { inject, injectable } from '@theia/core/shared/inversify';
import { BackendApplicationContribution, EarlyExpressMiddleware } from '@theia/core/lib/node/backend-application';
import { WsOriginValidator } from '@theia/core/lib/node/hosting/ws-origin-validator';
import { WsRequestValidatorContribution } from '@theia/core/lib/node/ws-request-validators';
import { BRIDGE_PATH } from '../common/stock';
import { Gate, isNavigation, withoutToken } from './gate';
import { Leases } from './leases';
import { Refusal } from './refusal';
import { ServerProxy } from './server-proxy';
import { StockSettings } from './settings';
import { StockEndpoints } from './stock-endpoints';

const ROOT = `/${BRIDGE_PATH}`;
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Puts the gate in front of all that a Node backend serves. */
@injectable()
export class GateContribution implements BackendApplicationContribution, WsRequestValidatorContribution {

    @inject(StockSettings)
    protected readonly settings: StockSettings;

    @inject(Gate)
    protected readonly gate: Gate;

    @inject(Leases)
    protected readonly leases: Leases;

    @inject(StockEndpoints)
    protected readonly endpoints: StockEndpoints;

    @inject(ServerProxy)
    protected readonly proxy: ServerProxy;

    @inject(EarlyExpressMiddleware)
    protected readonly early: EarlyExpressMiddleware;

    @inject(WsOriginValidator)
    protected readonly origins: WsOriginValidator;

    protected application: express.Application;

    /** Theia's own handlers for its files are in place when it calls `configure`. */
    initialize(): void {
        const below = (router: express.Router): express.Router => express.Router().use(ROOT, router);
        this.early.handlers.unshift(
            (request, response, next) => this.prepare(request, response, next),
            below(this.endpoints.open),
            (request, response, next) => { this.letIn(request, response, next).catch(next); },
            below(this.endpoints.gated)
        );
    }

    configure(application: express.Application): void {
        this.application = application;
    }

    /**
     * What listens on the server itself passes by Express, as Theia's sockets do. A listener of ours could not keep
     * others from being called, so the gate is where the server tells them.
     */
    onStart(server: Server | https.Server): void {
        const emit = server.emit;
        const tell = (event: string, ...parts: unknown[]): boolean => Reflect.apply(emit, server, [event, ...parts]);
        server.emit = (event: string, ...parts: unknown[]): boolean => {
            if (event === 'request') {
                this.passRequest(...parts as [IncomingMessage, ServerResponse], () => tell(event, ...parts));
            } else if (event === 'upgrade') {
                this.passUpgrade(...parts as [IncomingMessage, Duplex, Buffer], () => tell(event, ...parts));
            } else {
                return tell(event, ...parts);
            }
            return true;
        };
    }

    onStop(): void {
        this.leases.dispose();
    }

    /** What was connected before `onStart`. */
    async allowWsUpgrade(request: IncomingMessage): Promise<boolean> {
        return this.gate.admit(request).then(() => true, () => false);
    }

    protected prepare(request: express.Request, response: express.Response, next: express.NextFunction): void {
        response.set({
            'X-Content-Type-Options': 'nosniff',
            // The address may have a token in it, once.
            'Referrer-Policy': 'no-referrer',
            'Content-Security-Policy': `frame-ancestors ${['\'self\'', ...this.settings.embedders].join(' ')}`
        });
        if (SAFE.has(request.method) || this.origins.allowWsUpgrade(request)) {
            next();
        } else {
            response.status(403).type('text/plain').send('Requests from pages of other sites are not accepted here.');
        }
    }

    protected async letIn(request: express.Request, response: express.Response, next: express.NextFunction): Promise<void> {
        try {
            const { caller, by } = await this.gate.admit(request);
            response.locals.caller = caller;
            if (by === 'query') {
                this.endpoints.admit(request, response, caller);
                if (isNavigation(request)) {
                    // Keeps the token out of the address bar and the history.
                    response.set('Cache-Control', 'no-store').redirect(302, withoutToken(request));
                    return;
                }
            }
            next();
        } catch (error) {
            if (!(error instanceof Refusal)) {
                throw error;
            }
            const page = request.method === 'GET' && isNavigation(request);
            if (page && error.status === 401 && await this.endpoints.resume(request, response)) {
                response.set('Cache-Control', 'no-store').redirect(302, withoutToken(request));
            } else {
                this.endpoints.refuse(response, error, page);
            }
        }
    }

    protected async passRequest(request: IncomingMessage, response: ServerResponse, tell: () => void): Promise<void> {
        if (await this.allowWsUpgrade(request)) {
            tell();
        } else {
            // Express has the gate in front, and answers those who are not let in.
            this.application(request, response);
        }
    }

    protected async passUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, tell: () => void): Promise<void> {
        // It may break before anybody else listens.
        socket.on('error', () => socket.destroy());
        try {
            if (!this.origins.allowWsUpgrade(request)) {
                throw new Refusal(403, 'Sockets from pages of other sites are not accepted here.');
            }
            const { caller } = await this.gate.admit(request);
            if (!request.url!.startsWith(ROOT)) {
                this.leases.hold(caller, socket);
                tell();
                return;
            }
            request.url = request.url!.slice(ROOT.length - 1);
            // The server closes its channels itself when their tokens end.
            if (!this.proxy.upgrade(caller, request, socket, head)) {
                reject(socket, 404, 'There is no such socket.');
            }
        } catch (error) {
            if (error instanceof Refusal) {
                reject(socket, error.status, error.message);
            } else {
                reject(socket, 500, 'Something went wrong.');
                console.error('An upgrade could not be looked at:', error);
            }
        }
    }
}

function reject(socket: Duplex, status: number, message: string): void {
    socket.end([
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'Connection: close',
        'Content-Type: text/plain; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(message)}`,
        '', message
    ].join('\r\n'));
}
