import { Api, Type } from './api';
import { fileToBase64, textToBase64 } from './base64';
import { SyntaxProblem, Word, WordReader } from './words';

export type Params = Readonly<Record<string, unknown>>;

/** A call as it goes over the wire as JSON: bytes are base64. */
export interface Call {
    readonly method: string;
    readonly params: Params;
}

/** Contents of files that a line may name as `@NAME`. */
export type LocalFiles = ReadonlyMap<string, Uint8Array>;

const NO_FILES: LocalFiles = new Map();

/**
 * Reads a call from a line such as `fs.stat path=/workspace/a.py`.
 *
 * @throws SyntaxProblem
 */
export function parseCall(line: string, api: Api, files: LocalFiles = NO_FILES): Call {
    const words = new WordReader(line);
    if (words.rest.startsWith('{')) {
        return parseRaw(words.rest, api);
    }
    if (words.done) {
        throw new SyntaxProblem('A call is the name of a method and its parameters, such as fs.stat path=/workspace.');
    }
    const method = words.next().text;
    if (!method.includes('.')) {
        throw new SyntaxProblem(`'${method}' is no method: methods have a dot in their names, as fs.stat has.`);
    }
    return { method, params: words.rest.startsWith('{') ? parseObject(words.rest) : parseParams(method, words, api, files) };
}

/**
 * A parameter from the text of its value.
 *
 * @throws SyntaxProblem if it is not of the parameter's type.
 */
export function parseValue(name: string, text: string, type: Type, api: Api, files: LocalFiles = NO_FILES): unknown {
    const { kind, nullable, choices } = type;
    switch (kind) {
        case 'string':
            return text;
        case 'bytes':
            return text.startsWith('@') && !text.startsWith('@@')
                ? fileToBase64(localFile(text.slice(1), files))
                : textToBase64(text.startsWith('@@') ? text.slice(1) : text);
        case 'enum': {
            const choice = choices.find(one => String(one) === text);
            if (choice === undefined && !(nullable && text === 'null')) {
                throw new SyntaxProblem(`${name} is one of ${[...choices, ...nullable ? ['null'] : []].join(', ')}, not '${text}'.`);
            }
            return choice ?? null;
        }
        case 'integer':
        case 'number':
        case 'boolean': {
            const value = jsonOrNothing(text);
            const fits = value === null ? nullable : typeof value === (kind === 'boolean' ? 'boolean' : 'number');
            if (!fits || (kind === 'integer' && value !== null && !Number.isInteger(value))) {
                const wanted = kind === 'boolean' ? 'true or false' : kind === 'integer' ? 'a whole number' : 'a number';
                throw new SyntaxProblem(`${name} is ${wanted}${nullable ? ', or null' : ''}, not '${text}'.`);
            }
            return value;
        }
        case 'array': {
            if (nullable && text === 'null') {
                return null;
            }
            return text.startsWith('[')
                ? parseJson(name, text)
                : [parseValue(name, text, api.type(type.schema.items ?? {}), api, files)];
        }
        case 'object':
            return parseJson(name, text);
        case 'any': {
            const value = jsonOrNothing(text);
            return value === undefined ? text : value;
        }
    }
}

function parseRaw(text: string, api: Api): Call {
    const { method, params } = parseObject(text);
    if (typeof method !== 'string') {
        throw new SyntaxProblem('A request in JSON needs a "method", which is a text.');
    }
    if (Array.isArray(params)) {
        const names = api.methods.get(method)?.params ?? [];
        if (params.length > names.length) {
            throw new SyntaxProblem(`${method} takes ${names.length} parameters, not ${params.length}.`);
        }
        return { method, params: Object.fromEntries(params.map((value: unknown, index) => [names[index].name, value])) };
    }
    if (params !== undefined && (params === null || typeof params !== 'object')) {
        throw new SyntaxProblem('The "params" of a request are an object or an array.');
    }
    return { method, params: params as Params ?? {} };
}

function parseParams(method: string, words: WordReader, api: Api, files: LocalFiles): Params {
    const params: Record<string, unknown> = {};
    while (!words.done) {
        const word = words.next();
        const [name, value] = parseAssignment(method, word, api, files);
        const before = params[name];
        if (name in params && !(Array.isArray(before) && Array.isArray(value))) {
            throw new SyntaxProblem(`${name} is given twice.`);
        }
        params[name] = Array.isArray(before) ? [...before, ...value as unknown[]] : value;
    }
    return params;
}

function parseAssignment(method: string, { written, assigned }: Word, api: Api, files: LocalFiles): [string, unknown] {
    if (!assigned?.key) {
        throw new SyntaxProblem(`'${written}' is no parameter: write them as name=value.`);
    }
    const { key, asJson, value } = assigned;
    if (asJson) {
        return [key, parseJson(key, value.startsWith('@') ? new TextDecoder().decode(localFile(value.slice(1), files)) : value)];
    }
    return [key, parseValue(key, value, api.type(api.param(method, key)?.schema ?? {}), api, files)];
}

function parseObject(text: string): Record<string, unknown> {
    // What follows the closing bracket is told apart from what is wrong inside.
    const words = new WordReader(text);
    const first = words.next();
    const value = jsonOrNothing(first.text);
    if (value === undefined) {
        parseJson('The call', text);
    }
    if (!words.done) {
        throw new SyntaxProblem(`'${words.rest}' is too much after the parameters in JSON.`);
    }
    return value as Record<string, unknown>;
}

function parseJson(name: string, text: string): unknown {
    try {
        return JSON.parse(text);
    } catch (error) {
        throw new SyntaxProblem(`${name} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
}

/** `undefined` is no value of JSON. */
function jsonOrNothing(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

function localFile(name: string, files: LocalFiles): Uint8Array {
    const content = files.get(name);
    if (!content) {
        throw new SyntaxProblem(`The file ${name} of your computer is not here: upload it in the form.`);
    }
    return content;
}
