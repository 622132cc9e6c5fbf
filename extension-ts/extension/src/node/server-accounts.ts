import { Refusal } from './refusal';
import { StockSettings } from './settings';

/** The tokens of a sign-in, as the server hands them out. */
export interface SignIn {
    readonly access_token: string;
    readonly refresh_token: string;
}

/** What the server answered instead; `message` is for the user. */
export class SignInRefused extends Error {

    constructor(readonly status: number, message: string) {
        super(message);
    }
}

/** Signs in at the server, in the name of a browser. All methods throw `SignInRefused`, and `Refusal` if the server does not answer. */
export class ServerAccounts {

    constructor(protected readonly settings: StockSettings) { }

    /** @param agent the browser's name, by which the user knows it among their sign-ins. */
    async login(email: string, password: string, agent: string | undefined): Promise<SignIn> {
        return await (await this.post('login', { email, password }, agent)).json() as SignIn;
    }

    async refresh(token: string, agent: string | undefined): Promise<SignIn> {
        return await (await this.post('refresh', { refresh_token: token }, agent)).json() as SignIn;
    }

    async logout(token: string): Promise<void> {
        await this.post('logout', { refresh_token: token }, undefined);
    }

    protected async post(action: string, body: Record<string, string>, agent: string | undefined): Promise<Response> {
        let response: Response;
        try {
            response = await fetch(new URL(`api/v5/auth/${action}`, this.settings.server), {
                method: 'POST',
                headers: { 'Content-Type': 'application/json', ...agent && { 'User-Agent': agent } },
                body: JSON.stringify(body),
                redirect: 'error'
            });
        } catch {
            throw new Refusal(503, `The Theia Bridge server at ${this.settings.server} does not answer. Try again in a moment.`);
        }
        if (!response.ok) {
            const problem = await response.json().catch(() => ({})) as { detail?: string };
            throw new SignInRefused(response.status, problem.detail ?? `The Theia Bridge server answered with status ${response.status}.`);
        }
        return response;
    }
}
