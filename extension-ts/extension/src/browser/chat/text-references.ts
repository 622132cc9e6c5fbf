/** Strings from this length on are worth a reference. */
const WORTHWHILE = 64;

const REFERENCE = '$text';
const LITERAL = '$literal';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * A value in which long strings that occur in a text are replaced by where they stand there. Theia's form of a message
 * holds what it says up to three times; beside the text itself it needs to be sent and kept no second time.
 *
 * @param value what `JSON.stringify` takes; parts without a value are left out, as that does.
 * @param text well-formed; halves of characters in the value, which no JSON text may hold, are replaced.
 */
export function withReferences(value: unknown, text: string): unknown {
    // The parts of a message follow each other in its text.
    let expected = 0;
    const replace = (part: Json): Json => {
        if (typeof part === 'string') {
            part = part.toWellFormed();
            if (part.length < WORTHWHILE || part.length > text.length) {
                return part;
            }
            let start = text.startsWith(part, expected) ? expected : text.indexOf(part, expected);
            if (start < 0) {
                start = text.indexOf(part);
            }
            if (start < 0) {
                return part;
            }
            expected = start;
            return { [REFERENCE]: [start, start + part.length] };
        }
        if (Array.isArray(part)) {
            return part.map(replace);
        }
        if (typeof part !== 'object' || part === null) {
            return part;
        }
        const replaced = Object.fromEntries(Object.entries(part).map(([key, inner]) => [key.toWellFormed(), replace(inner)]));
        return REFERENCE in part || LITERAL in part ? { [LITERAL]: replaced } : replaced;
    };
    const json = JSON.stringify(value);
    return json === undefined ? undefined : replace(JSON.parse(json));
}

/** The value that `withReferences` was given with the same text. */
export function withoutReferences(value: unknown, text: string): unknown {
    const restoreMembers = (part: object): object => Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, restore(inner)]));
    const restore = (part: unknown): unknown => {
        if (Array.isArray(part)) {
            return part.map(restore);
        }
        if (typeof part !== 'object' || part === null) {
            return part;
        }
        if (REFERENCE in part) {
            const [start, end] = part[REFERENCE] as [number, number];
            return text.slice(start, end);
        }
        return restoreMembers(LITERAL in part ? part[LITERAL] as object : part);
    };
    return restore(value);
}
