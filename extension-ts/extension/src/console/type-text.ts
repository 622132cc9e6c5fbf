import { Api, Schema } from './syntax/api';

/** A type in few words, such as `integer ≥ 1 or null`. */
export function typeText(schema: Schema, api: Api): string {
    const { kind, nullable, choices, schema: plain } = api.type(schema);
    const rest = nullable ? ' or null' : '';
    switch (kind) {
        case 'enum':
            return choices.map(choice => JSON.stringify(choice)).join(' | ') + rest;
        case 'array':
            return `list of ${typeText(plain.items ?? {}, api)}${rest}`;
        case 'object':
            return (plain.title ?? objectText(plain, api)) + rest;
        case 'any':
            return (plain.anyOf ? plain.anyOf.map(one => typeText(one, api)).join(' or ') : 'any value') + (plain.anyOf ? '' : rest);
        case 'bytes':
            return `bytes${rest}`;
        default:
            return `${kind}${rangeText(plain)}${rest}`;
    }
}

function objectText({ additionalProperties }: Schema, api: Api): string {
    return typeof additionalProperties === 'object' ? `object of ${typeText(additionalProperties, api)}` : 'object';
}

function rangeText({ minimum, maximum }: Schema): string {
    if (minimum !== undefined && maximum !== undefined) {
        return ` ${minimum}–${maximum}`;
    }
    return minimum !== undefined ? ` ≥ ${minimum}` : maximum !== undefined ? ` ≤ ${maximum}` : '';
}

/** The objects that a type is made of, itself first, each once. */
export function objectsIn(schema: Schema, api: Api): Schema[] {
    const found: Schema[] = [];
    const visit = (one: Schema) => {
        const { schema: plain } = api.type(one);
        if (plain.properties && !found.includes(plain)) {
            found.push(plain);
            Object.values(plain.properties).forEach(visit);
        }
        if (plain.items) {
            visit(plain.items);
        }
        if (typeof plain.additionalProperties === 'object') {
            visit(plain.additionalProperties);
        }
        plain.anyOf?.forEach(visit);
    };
    visit(schema);
    return found;
}
