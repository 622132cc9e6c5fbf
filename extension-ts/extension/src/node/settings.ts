import { inspect } from 'node:util';

export const StockSettings = Symbol('StockSettings');
/** What a Node backend has to know to be guarded by a Theia Bridge server. */
export interface StockSettings {
    /** The server's address; ends in a slash. */
    readonly server: URL;
    /** The id of the one user who is let in. */
    readonly owner: string;
    /** `iss` and `aud` of the tokens, as the server's settings have them. */
    readonly issuer: string;
    readonly audience: string;
    /** The origins whose pages may show this Theia in a frame and hand it tokens, besides its own. */
    readonly embedders: readonly string[];
}

export class SettingsError extends Error { }

/**
 * Reads the settings from the environment. There is no default that lets anybody in.
 *
 * @throws SettingsError that names all that is missing or wrong.
 */
export function readSettings(environment: NodeJS.ProcessEnv): StockSettings {
    const faults: string[] = [];
    const server = readUrl('THEIA_BRIDGE_URL', environment.THEIA_BRIDGE_URL, faults);
    const owner = environment.THEIA_BRIDGE_OWNER?.trim() ?? '';
    if (!owner) {
        faults.push('THEIA_BRIDGE_OWNER is missing: the id of the user whose Theia this is (`id` in the answer of /api/v5/users/me). Nobody else is let in.');
    } else if (!/^[\w-]+$/.test(owner)) {
        faults.push(`THEIA_BRIDGE_OWNER is ${inspect(owner)}, which is no user's id; an e-mail address is none, as its owner can change.`);
    }
    const embedders = readOrigins('THEIA_BRIDGE_EMBEDDERS', environment.THEIA_BRIDGE_EMBEDDERS || '[]', faults);
    if (!server || faults.length) {
        throw new SettingsError(`Theia Bridge cannot guard this Theia:\n  ${faults.join('\n  ')}`);
    }
    return {
        server, owner, embedders,
        issuer: environment.THEIA_BRIDGE_ISSUER || 'theia-bridge',
        audience: environment.THEIA_BRIDGE_AUDIENCE || 'theia-bridge'
    };
}

/** A list in JSON, as the server takes it. */
function readOrigins(name: string, value: string, faults: string[]): string[] {
    let origins: unknown;
    try {
        origins = JSON.parse(value);
    } catch {
        // Told below.
    }
    if (!Array.isArray(origins) || !origins.every(origin => URL.canParse(origin) && new URL(origin).origin === origin)) {
        faults.push(`${name} is ${inspect(value)}, which is no list of origins such as '["https://portal.example.com"]'.`);
        return [];
    }
    return origins;
}

function readUrl(name: string, value: string | undefined, faults: string[]): URL | undefined {
    if (!value) {
        faults.push(`${name} is missing: the address of the Theia Bridge server, such as https://bridge.example.com.`);
        return undefined;
    }
    if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
        faults.push(`${name} is ${inspect(value)}, which is no address such as https://bridge.example.com.`);
        return undefined;
    }
    return new URL(value.endsWith('/') ? value : `${value}/`);
}
