import { createRemoteJWKSet, errors, JWTPayload, JWTVerifyGetKey, jwtVerify } from 'jose';
import { Refusal } from './refusal';
import { StockSettings } from './settings';

/** What an access token says that is of interest here. */
export interface Caller {
    readonly token: string;
    readonly user: string;
    /** The workspace session it is for. */
    readonly session: string;
    /** The sign-in it belongs to. */
    readonly family: string;
    /** Milliseconds since 1970. */
    readonly issuedAt: number;
    readonly expiresAt: number;
}

export interface KeyTiming {
    /** The keys are fetched anew after so long, so that one that leaked and was deleted is soon good for nothing. Milliseconds. */
    readonly keep: number;
    /** At most so often they are fetched for a token of a key that is not among them. Milliseconds. */
    readonly pause: number;
}

/** The server lets its keys be kept for 20 s, unless set otherwise, and publishes a new one 60 s before it signs. */
const TIMING: KeyTiming = { keep: 20_000, pause: 5_000 };

/** Seconds by which clocks may differ; `LEEWAY_SECONDS` of the server. */
const LEEWAY_SECONDS = 30;
/** `TOKEN_TYPE` of the server: no other JWT it might ever sign passes for an access token. */
const TOKEN_TYPE = 'at+jwt';
/** `TOKEN_LIMIT` of the server, in characters. */
const TOKEN_LIMIT = 4096;
/** The longest life that the server can be set to give an access token, in seconds. */
const LONGEST_LIFE = 86_400;

const TO_SIGN_IN = 'Sign in, or open this Theia again from where you opened it.';

/** Checks access tokens of a Theia Bridge server, by the public keys that it publishes, and that they are the owner's. */
export class TokenVerifier {

    protected readonly keys: ReturnType<typeof createRemoteJWKSet>;

    constructor(protected readonly settings: StockSettings, timing: KeyTiming = TIMING) {
        this.keys = createRemoteJWKSet(new URL('.well-known/jwks.json', settings.server), {
            cacheMaxAge: timing.keep, cooldownDuration: timing.pause
        });
    }

    /** @throws Refusal */
    async verify(token: string | undefined): Promise<Caller> {
        if (!token) {
            throw new Refusal(401, TO_SIGN_IN);
        }
        const caller = this.toCaller(token, await this.check(token));
        if (caller.user !== this.settings.owner) {
            throw new Refusal(403, `This Theia belongs to somebody else. Your own id is ${caller.user}.`);
        }
        return caller;
    }

    protected async check(token: string): Promise<JWTPayload> {
        try {
            if (token.length > TOKEN_LIMIT) {
                throw new errors.JWTInvalid('too long');
            }
            const { payload } = await jwtVerify(token, this.findKey, {
                algorithms: ['EdDSA'],
                typ: TOKEN_TYPE,
                issuer: this.settings.issuer,
                audience: this.settings.audience,
                requiredClaims: ['sub', 'sid', 'fam', 'iat', 'nbf', 'exp'],
                clockTolerance: LEEWAY_SECONDS
            });
            return payload;
        } catch (error) {
            if (error instanceof errors.JOSEAlgNotAllowed) {
                await this.checkKeysArePublished();
            }
            throw this.toRefusal(error);
        }
    }

    protected readonly findKey: JWTVerifyGetKey = async (header, input) => {
        if (!header.kid) {
            throw new errors.JWKSNoMatchingKey();
        }
        try {
            return await this.keys(header, input);
        } catch (error) {
            if (error instanceof errors.JWKSNoMatchingKey) {
                throw error;
            }
            throw this.unavailable();
        }
    };

    /** With the secret keys of HS256 there is nothing to check tokens with. */
    protected async checkKeysArePublished(): Promise<void> {
        if (!this.keys.coolingDown) {
            await this.keys.reload().catch(() => { throw this.unavailable(); });
        }
        if (!this.keys.jwks()?.keys.length) {
            throw new Refusal(503, `The Theia Bridge server at ${this.settings.server} publishes no keys, as it signs with HS256. Set its token_algorithm to EdDSA.`);
        }
    }

    protected unavailable(): Refusal {
        return new Refusal(503, `The Theia Bridge server at ${this.settings.server} does not answer, so nobody can be let in now.`);
    }

    protected toCaller(token: string, { sub, sid, fam, aud, iat, exp }: JWTPayload): Caller {
        const lasts = exp! - Date.now() / 1000;
        if (typeof sid !== 'string' || typeof fam !== 'string' || typeof aud !== 'string' || lasts > LONGEST_LIFE + LEEWAY_SECONDS) {
            throw new Refusal(401, `Your access token is not valid. ${TO_SIGN_IN}`);
        }
        return { token, user: sub!, session: sid, family: fam, issuedAt: iat! * 1000, expiresAt: exp! * 1000 };
    }

    protected toRefusal(error: unknown): Refusal {
        if (error instanceof Refusal) {
            return error;
        }
        if (error instanceof errors.JWTExpired) {
            return new Refusal(401, `Your access has ended. ${TO_SIGN_IN}`);
        }
        if (error instanceof errors.JOSEError) {
            return new Refusal(401, `Your access token is not valid. ${TO_SIGN_IN}`);
        }
        throw error;
    }
}
