import { Api, Schema } from './syntax/api';
import { base64ToBytes, bytesToBase64 } from './syntax/base64';
import { Call, Params } from './syntax/call';
import { SyntaxProblem } from './syntax/words';

/**
 * The params of a call as MessagePack has them: bytes in place of base64.
 *
 * @throws SyntaxProblem if what should be base64 is not.
 */
export function toMessagePack({ method, params }: Call, api: Api): Params {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, convert(name, value, api.param(method, name)?.schema ?? {}, api)]));
}

function convert(name: string, value: unknown, schema: Schema, api: Api): unknown {
    const type = api.type(schema);
    if (typeof value === 'string' && type.kind === 'bytes') {
        try {
            return base64ToBytes(value);
        } catch {
            throw new SyntaxProblem(`${name} is not base64.`);
        }
    }
    if (Array.isArray(value) && type.schema.items) {
        const { items } = type.schema;
        return value.map(item => convert(name, item, items, api));
    }
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
        const { properties = {}, additionalProperties } = type.schema;
        const others = typeof additionalProperties === 'object' ? additionalProperties : {};
        return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, convert(key, member, properties[key] ?? others, api)]));
    }
    return value;
}

/** A value as JSON has it: base64 in place of bytes. */
export function toJson(value: unknown): string {
    return JSON.stringify(value, (_, member: unknown) => member instanceof Uint8Array ? bytesToBase64(member) : member, 2);
}
