import * as express from '@theia/core/shared/express';
import { ACCESS_PATH, AccessAnswer, BRIDGE_PATH } from '../common/stock';
import { ACCESS_COOKIE, isSecure, readCookie } from './gate';
import { Leases } from './leases';
import { PAGE_POLICY, renderPage } from './pages';
import { Refusal } from './refusal';
import { ServerAccounts, SignIn, SignInRefused } from './server-accounts';
import { ServerProxy } from './server-proxy';
import { StockSettings } from './settings';
import { Caller, TokenVerifier } from './token-verifier';

const REFRESH_COOKIE = 'theia_bridge_node_refresh';
/** As long as the server keeps a sign-in that is not used, by its own default: 30 days in milliseconds. */
const REFRESH_LIFE = 30 * 86_400_000;
const BODY_LIMIT = '16kb';

/** What a Node backend answers below `BRIDGE_PATH`: signing in, renewing the access, and what the page asks of the server. */
export class StockEndpoints {

    /** For whoever comes. */
    readonly open = express.Router();
    /** For callers that the gate has let in; `response.locals.caller` is who it is. */
    readonly gated = express.Router();

    constructor(
        protected readonly settings: StockSettings,
        protected readonly verifier: TokenVerifier,
        protected readonly accounts: ServerAccounts,
        protected readonly leases: Leases,
        proxy: ServerProxy
    ) {
        this.open.get('/login', (request, response) => this.showLogin(response, 200, 'Sign in', 'Sign in to open your workspace.', nextOf(request.query.next)));
        this.open.post('/login', express.urlencoded({ extended: false, limit: BODY_LIMIT }), handler((request, response) => this.login(request, response)));
        this.open.post('/api/v5/auth/refresh', handler((request, response) => this.refresh(request, response)));
        this.open.post('/api/v5/auth/logout', handler((request, response) => this.logout(request, response)));
        // The token in it lets in by itself, and may come when the cookie's has ended.
        this.open.post(`/${ACCESS_PATH}`, express.json({ limit: BODY_LIMIT }), handler((request, response) => this.renew(request, response)));
        this.gated.get(`/${ACCESS_PATH}`, (_request, response) => { this.tell(response, response.locals.caller); });
        this.gated.use((request, response, next) => {
            if (!proxy.web(response.locals.caller, request, response)) {
                next();
            }
        });
    }

    /** Lets the browser send the token from now on, and keeps its sockets open. */
    admit(request: express.Request, response: express.Response, caller: Caller): void {
        response.cookie(ACCESS_COOKIE, caller.token, { ...attributes(request), sameSite: 'lax', maxAge: caller.expiresAt - Date.now() });
        this.leases.renew(caller);
    }

    /** Signs on who signed in here before. Returns whether it was so. */
    async resume(request: express.Request, response: express.Response): Promise<boolean> {
        const token = readCookie(request, REFRESH_COOKIE);
        try {
            return !!token && !!await this.signedIn(request, response, await this.accounts.refresh(token, request.headers['user-agent']));
        } catch (error) {
            if (error instanceof Refusal || error instanceof SignInRefused) {
                return false;
            }
            throw error;
        }
    }

    /** Says why somebody is not let in, to people on a page. */
    refuse(response: express.Response, { status, message }: Refusal, page: boolean): void {
        response.status(status).set('Cache-Control', 'no-store');
        if (status === 401) {
            response.set('WWW-Authenticate', 'Bearer');
        }
        if (!page) {
            response.type('text/plain').send(message);
        } else if (status === 503) {
            this.sendPage(response, { heading: 'Not available', message });
        } else {
            const heading = status === 401 ? 'You are not signed in' : 'This is not your Theia';
            this.showLogin(response, status, heading, message, undefined);
        }
    }

    protected showLogin(response: express.Response, status: number, heading: string, message: string, next: string | undefined, email?: string): void {
        const { originalUrl } = response.req;
        // Relative, as a proxy may have taken a part of the path away.
        const up = '../'.repeat(originalUrl.split('?', 1)[0].split('/').length - 2);
        response.status(status).set('Cache-Control', 'no-store');
        this.sendPage(response, { heading, message, form: { action: `${up || './'}${BRIDGE_PATH}login`, next: next ?? '', email } });
    }

    protected sendPage(response: express.Response, page: Pick<Parameters<typeof renderPage>[0], 'heading' | 'message' | 'form'>): void {
        // Without a referrer, a form would come from nowhere.
        response.set('Referrer-Policy', 'same-origin').append('Content-Security-Policy', PAGE_POLICY).type('text/html').send(renderPage({ ...page, server: this.settings.server.host }));
    }

    protected async login(request: express.Request, response: express.Response): Promise<void> {
        const { email, password, next } = request.body as Record<string, unknown>;
        const again = (status: number, message: string): void =>
            this.showLogin(response, status, 'Sign in', message, nextOf(next), typeof email === 'string' ? email : undefined);
        if (typeof email !== 'string' || typeof password !== 'string') {
            return again(400, 'Enter your e-mail address and your password.');
        }
        try {
            await this.signedIn(request, response, await this.accounts.login(email, password, request.headers['user-agent']));
        } catch (error) {
            if (error instanceof Refusal || error instanceof SignInRefused) {
                return again(error.status, error.message);
            }
            throw error;
        }
        response.redirect(303, nextOf(next) ?? '../');
    }

    protected async refresh(request: express.Request, response: express.Response): Promise<void> {
        const token = readCookie(request, REFRESH_COOKIE);
        try {
            if (!token) {
                throw new Refusal(401, 'You have not signed in here, so there is nothing to renew.');
            }
            this.tell(response, await this.signedIn(request, response, await this.accounts.refresh(token, request.headers['user-agent'])));
        } catch (error) {
            if (error instanceof SignInRefused && error.status === 401) {
                response.clearCookie(REFRESH_COOKIE, attributes(request));
            }
            throw error;
        }
    }

    protected async logout(request: express.Request, response: express.Response): Promise<void> {
        const token = readCookie(request, REFRESH_COOKIE);
        if (token) {
            await this.accounts.logout(token);
        }
        await this.verifier.verify(readCookie(request, ACCESS_COOKIE)).then(caller => this.leases.end(caller), () => undefined);
        response.clearCookie(ACCESS_COOKIE, attributes(request)).clearCookie(REFRESH_COOKIE, attributes(request)).sendStatus(204);
    }

    /** @throws Refusal of a token that is not the owner's; its sign-in is ended. */
    protected async signedIn(request: express.Request, response: express.Response, { access_token, refresh_token }: SignIn): Promise<Caller> {
        try {
            const caller = await this.verifier.verify(access_token);
            this.admit(request, response, caller);
            response.cookie(REFRESH_COOKIE, refresh_token, { ...attributes(request), sameSite: 'strict', maxAge: REFRESH_LIFE });
            return caller;
        } catch (error) {
            await this.accounts.logout(refresh_token).catch(() => undefined);
            throw error;
        }
    }

    protected async renew(request: express.Request, response: express.Response): Promise<void> {
        const { token } = request.body as Record<string, unknown>;
        const caller = await this.verifier.verify(typeof token === 'string' ? token : undefined);
        this.admit(request, response, caller);
        this.tell(response, caller);
    }

    /** As the server answers to a renewal, but for the tokens: no script needs them. */
    protected tell(response: express.Response, { user, session, issuedAt, expiresAt }: Caller): void {
        const answer: AccessAnswer = {
            user, session, origins: this.settings.embedders,
            expires_in: Math.max(0, (expiresAt - Date.now()) / 1000),
            lifetime: (expiresAt - issuedAt) / 1000
        };
        response.set('Cache-Control', 'no-store').json(answer);
    }
}

/** A path of this host to go to, and never anywhere else. */
function nextOf(next: unknown): string | undefined {
    return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : undefined;
}

function attributes(request: express.Request): express.CookieOptions {
    return { httpOnly: true, path: '/', secure: isSecure(request) };
}

/** Who is refused is told why; anything else that is thrown is Express's to deal with. */
function handler(handle: (request: express.Request, response: express.Response) => Promise<void>): express.RequestHandler {
    return (request, response, next) => {
        handle(request, response).catch((error: unknown) => {
            if (error instanceof Refusal || error instanceof SignInRefused) {
                response.status(error.status).type('text/plain').send(error.message);
            } else {
                next(error);
            }
        });
    };
}
