import { maskSecrets } from '../../common/frames/secrets';
import { Api, Type } from './api';
import { base64ToBytes, hasControls, readableText } from './base64';
import { Call } from './call';

/**
 * The line that a call is read from.
 *
 * @param files by parameter, the names of the files whose contents they are, which are written in their place.
 */
export function printCall({ method, params }: Call, api: Api, files: Readonly<Record<string, string>> = {}): string {
    const words = Object.entries(params).map(([name, value]) => name in files
        ? `${name}=${quote(`@${files[name]}`)}`
        : printParam(name, value, api.type(api.param(method, name)?.schema ?? {})));
    return [method, ...words].join(' ');
}

/** The same without what is secret, to be given to others. */
export function printShared({ method, params }: Call, api: Api): string {
    return printCall({ method, params: maskSecrets(params) as Call['params'] }, api);
}

function printParam(name: string, value: unknown, type: Type): string {
    const text = plainText(value, type);
    return text === undefined ? `${name}:=${JSON.stringify(value)}` : `${name}=${text}`;
}

/** How a value is written that is read by the parameter's type; nothing if it is not of that type, or cannot be. */
function plainText(value: unknown, { kind, nullable }: Type): string | undefined {
    switch (kind) {
        case 'string':
            return typeof value === 'string' && !hasControls(value) ? quote(value) : undefined;
        case 'bytes': {
            const text = typeof value === 'string' ? readableBase64(value) : undefined;
            return text === undefined ? undefined : quote(text.startsWith('@') ? `@${text}` : text);
        }
        case 'enum':
            return value === null || value === undefined ? undefined : quote(String(value));
        case 'integer':
        case 'number':
        case 'boolean':
            return typeof value === (kind === 'boolean' ? 'boolean' : 'number') || (value === null && nullable) ? JSON.stringify(value) : undefined;
        case 'array':
            return Array.isArray(value) ? JSON.stringify(value) : undefined;
        case 'object':
            return typeof value === 'object' && value !== null && !Array.isArray(value) ? JSON.stringify(value) : undefined;
        case 'any':
            return undefined;
    }
}

function readableBase64(value: string): string | undefined {
    try {
        const bytes = base64ToBytes(value);
        return readableText(bytes);
    } catch {
        return undefined;
    }
}

/** In quotes if it needs them. */
function quote(text: string): string {
    if (/^[^\s"'\\[{][^\s"'\\]*$/.test(text)) {
        return text;
    }
    return `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t')}"`;
}
