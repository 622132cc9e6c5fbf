import * as assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, Server } from 'node:http';
import { AddressInfo, connect, createServer as createSocketServer } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { CryptoKey, exportJWK, generateKeyPair, JWK, JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { Leases } from '../node/leases';
import { Refusal } from '../node/refusal';
import { readSettings, SettingsError } from '../node/settings';
import { Caller, KeyTiming, TokenVerifier } from '../node/token-verifier';

const OWNER = '2ad63b35f09e4000a35d';
/** Keys are kept for good, and those of unknown ids are looked for at once. */
const CURIOUS: KeyTiming = { keep: Infinity, pause: 0 };

interface Key {
    readonly kid: string;
    readonly secret: CryptoKey;
    readonly jwk: JWK;
}

async function makeKey(kid: string): Promise<Key> {
    const { privateKey, publicKey } = await generateKeyPair('Ed25519', { extractable: true });
    return { kid, secret: privateKey, jwk: { ...await exportJWK(publicKey), kid, alg: 'EdDSA', use: 'sig' } };
}

const seconds = (): number => Math.floor(Date.now() / 1000);

function claims(changes: JWTPayload = {}): JWTPayload {
    const now = seconds();
    return {
        iss: 'theia-bridge', aud: 'theia-bridge', sub: OWNER, tid: 't', sid: 's', fam: 'f', jti: 'j', role: 'owner',
        iat: now, nbf: now, exp: now + 900, ...changes
    };
}

function sign(key: Key, changes?: JWTPayload, header: { typ?: string, kid?: string } = { typ: 'at+jwt', kid: key.kid }): Promise<string> {
    return new SignJWT(claims(changes)).setProtectedHeader({ alg: 'EdDSA', ...header }).sign(key.secret);
}

describe('the gate of a Node backend', () => {

    let publisher: Server;
    let published: JWK[];
    let fetches: number;
    let key: Key;
    let address: string;

    before(async () => {
        key = await makeKey('1');
        publisher = createServer((request, response) => {
            fetches++;
            response.writeHead(request.url === '/.well-known/jwks.json' ? 200 : 404, { 'Content-Type': 'application/jwk-set+json' });
            response.end(JSON.stringify({ keys: published }));
        }).listen(0, '127.0.0.1');
        await once(publisher, 'listening');
        address = `http://127.0.0.1:${(publisher.address() as AddressInfo).port}`;
    });

    beforeEach(() => {
        published = [key.jwk];
        fetches = 0;
    });

    after(() => publisher.close());

    function verifier(timing?: KeyTiming): TokenVerifier {
        return new TokenVerifier(readSettings({ THEIA_BRIDGE_URL: address, THEIA_BRIDGE_OWNER: OWNER }), timing);
    }

    async function refused(status: number, token: string | undefined, by = verifier()): Promise<string> {
        const refusal = await by.verify(token).then(() => assert.fail('It was let in.'), (error: unknown) => error);
        assert.ok(refusal instanceof Refusal, String(refusal));
        assert.equal(refusal.status, status, refusal.message);
        if (token) {
            assert.ok(!refusal.message.includes(token));
        }
        return refusal.message;
    }

    it('lets the owner in, and knows until when', async () => {
        const iat = seconds() - 10;
        const token = await sign(key, { iat, exp: iat + 60 });
        assert.deepEqual(await verifier().verify(token), {
            token, user: OWNER, session: 's', family: 'f', issuedAt: iat * 1000, expiresAt: (iat + 60) * 1000
        });
    });

    it('refuses who brings nothing', async () => {
        await refused(401, undefined);
        await refused(401, '');
    });

    it('refuses another user of the same server, by name', async () => {
        assert.match(await refused(403, await sign(key, { sub: 'somebody-else' })), /somebody-else/);
    });

    it('refuses what nobody signed', async () => {
        await refused(401, new UnsecuredJWT(claims()).encode());
        const [, payload, signature] = (await sign(key)).split('.');
        for (const alg of ['none', 'None', 'EdDSA']) {
            const header = Buffer.from(JSON.stringify({ alg, typ: 'at+jwt', kid: key.kid })).toString('base64url');
            await refused(401, `${header}.${payload}.`);
            if (alg !== 'EdDSA') {
                await refused(401, `${header}.${payload}.${signature}`);
            }
        }
    });

    it('refuses a secret made of the public key', async () => {
        const forged = await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: key.kid })
            .sign(Buffer.from(key.jwk.x!, 'base64url'));
        await refused(401, forged);
    });

    it('refuses a key that brings itself', async () => {
        const other = await makeKey(key.kid);
        await refused(401, await sign(other));
        const forged = await new SignJWT(claims()).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'x', jwk: other.jwk }).sign(other.secret);
        await refused(401, forged);
        await refused(401, await sign(key, {}, { typ: 'at+jwt' }));
    });

    it('refuses what was changed', async () => {
        const [header, , signature] = (await sign(key)).split('.');
        await refused(401, `${header}.${Buffer.from(JSON.stringify(claims({ sub: 'x' }))).toString('base64url')}.${signature}`);
    });

    it('refuses tokens for others, by others and of other kinds', async () => {
        await refused(401, await sign(key, { aud: 'another' }));
        await refused(401, await sign(key, { aud: ['theia-bridge', 'another'] }));
        await refused(401, await sign(key, { iss: 'another' }));
        await refused(401, await sign(key, {}, { typ: 'JWT', kid: key.kid }));
        for (const claim of ['sub', 'sid', 'fam', 'exp', 'nbf', 'iat']) {
            await refused(401, await sign(key, { [claim]: undefined }));
        }
    });

    it('refuses before and after its time, but for what clocks may differ', async () => {
        const now = seconds();
        assert.match(await refused(401, await sign(key, { exp: now - 31 })), /has ended/);
        await refused(401, await sign(key, { nbf: now + 60 }));
        await refused(401, await sign(key, { exp: now + 10 * 86_400 }));
        await verifier().verify(await sign(key, { exp: now - 10, nbf: now + 10 }));
    });

    it('refuses what is too long to be one before looking at it', async () => {
        await refused(401, await sign(key, { jti: 'x'.repeat(4096) }));
        assert.equal(fetches, 0);
    });

    it('follows a rotation of keys', async () => {
        const gate = verifier(CURIOUS);
        await gate.verify(await sign(key));
        const next = await makeKey('2');
        published.push(next.jwk);
        await gate.verify(await sign(next));
        await gate.verify(await sign(key));
        assert.equal(fetches, 2);
    });

    it('soon knows a key no more that is no longer published', async () => {
        const gate = verifier({ keep: 0, pause: 0 });
        await gate.verify(await sign(key));
        published = [(await makeKey('2')).jwk];
        await refused(401, await sign(key), gate);
    });

    it('asks for the keys once, however many unknown ones it is shown in a while', async () => {
        const gate = verifier({ keep: Infinity, pause: Infinity });
        const unknown = await makeKey('unknown');
        await Promise.all(Array.from({ length: 20 }, async () => refused(401, await sign(unknown), gate)));
        await gate.verify(await sign(key));
        assert.equal(fetches, 1);
    });

    it('says what is wrong with a server that signs with secrets', async () => {
        published = [];
        const token = await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: '1' }).sign(new Uint8Array(32));
        assert.match(await refused(503, token), /EdDSA/);
    });

    it('lets nobody in while the server does not answer', async () => {
        const silent = createSocketServer(socket => socket.destroy()).listen(0, '127.0.0.1');
        await once(silent, 'listening');
        const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
        const gate = new TokenVerifier(readSettings({ THEIA_BRIDGE_URL: url, THEIA_BRIDGE_OWNER: OWNER }));
        assert.match(await refused(503, await sign(key), gate), /does not answer/);
        silent.close();
    });
});

describe('the settings of a Node backend', () => {

    it('have no default for who is let in', () => {
        assert.throws(() => readSettings({}), (error: Error) => error instanceof SettingsError
            && error.message.includes('THEIA_BRIDGE_URL') && error.message.includes('THEIA_BRIDGE_OWNER'));
    });

    it('take an id for the owner, and no address that somebody else could have tomorrow', () => {
        assert.throws(() => readSettings({ THEIA_BRIDGE_URL: 'https://bridge.example', THEIA_BRIDGE_OWNER: 'ada@example.com' }), /ada@example\.com/);
    });

    it('name what is no address and no origin', () => {
        const right = { THEIA_BRIDGE_URL: 'https://bridge.example/base', THEIA_BRIDGE_OWNER: OWNER };
        assert.equal(readSettings(right).server.href, 'https://bridge.example/base/');
        assert.throws(() => readSettings({ ...right, THEIA_BRIDGE_EMBEDDERS: 'https://a.example' }), /no list/);
        assert.deepEqual(readSettings({ ...right, THEIA_BRIDGE_EMBEDDERS: '["https://a.example"]' }).embedders, ['https://a.example']);
        assert.throws(() => readSettings({ ...right, THEIA_BRIDGE_URL: 'bridge.example' }), /bridge\.example/);
        assert.throws(() => readSettings({ ...right, THEIA_BRIDGE_EMBEDDERS: '["https://a.example", "https://b.example/page"]' }), /b\.example\/page/);
    });
});

describe('sockets of a Node backend', () => {

    const caller = (expiresAt: number, changes: Partial<Caller> = {}): Caller => ({
        token: '', user: OWNER, session: 's', family: 'f', issuedAt: 0, expiresAt, ...changes
    });

    /** The two ends of a connection. */
    async function open() {
        const server = createSocketServer().listen(0, '127.0.0.1');
        await once(server, 'listening');
        const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
        const [near] = await once(server, 'connection');
        server.close();
        return { near, far };
    }

    it('end with the access of whoever opened them, unless it is renewed', async () => {
        const leases = new Leases();
        const [ending, renewed] = [await open(), await open()];
        const soon = Date.now() + 50;
        leases.hold(caller(soon), ending.near);
        leases.hold(caller(soon, { session: 'other' }), renewed.near);
        leases.renew(caller(soon + 60_000, { session: 'other' }));
        leases.renew(caller(soon + 60_000, { family: 'another sign-in' }));
        await once(ending.far, 'close');
        assert.ok(!renewed.near.destroyed);
        leases.dispose();
        await once(renewed.far, 'close');
    });

    it('end when their user signs out', async () => {
        const leases = new Leases();
        const { near, far } = await open();
        leases.hold(caller(Date.now() + 60_000), near);
        leases.end(caller(0));
        await once(far, 'close');
    });
});
