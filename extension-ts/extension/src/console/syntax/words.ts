/** What is wrong with a line, told to whoever wrote it. */
export class SyntaxProblem extends Error { }

/** One word of a line. Of `key=value` and `key:=value` the key is set apart, unless the `=` is in quotes. */
export interface Word {
    /** As it was written. */
    readonly written: string;
    readonly text: string;
    readonly assigned?: { readonly key: string, readonly asJson: boolean, readonly value: string };
}

const SPACES = /[ \t]*/y;
const KEY = /([^\s"'\\={[]*?)(:?=)/y;
const ESCAPED_IN_QUOTES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', t: '\t' };

/** Reads words from the front of a line. */
export class WordReader {

    protected position = 0;

    constructor(protected readonly line: string) {
        this.skipSpaces();
    }

    get done(): boolean {
        return this.position >= this.line.length;
    }

    /** What is still to be read. */
    get rest(): string {
        return this.line.slice(this.position).trimEnd();
    }

    /**
     * The word at the front.
     *
     * @throws SyntaxProblem if a quote in it is left open.
     */
    next(): Word {
        const start = this.position;
        const key = this.match(KEY);
        let value = '';
        if (key) {
            const asJson = key[2] === ':=';
            value = this.json(asJson) + this.plain();
            this.skipSpaces();
            const written = this.line.slice(start, this.position).trimEnd();
            return { written, text: `${key[0]}${value}`, assigned: { key: key[1], asJson, value } };
        }
        const text = this.json(false) + this.plain();
        const written = this.line.slice(start, this.position);
        this.skipSpaces();
        const equals = /^([^=]*?)(:?=)([^]*)$/.exec(text);
        return { written, text, ...equals && { assigned: { key: equals[1], asJson: equals[2] === ':=', value: equals[3] } } };
    }

    protected match(pattern: RegExp): RegExpExecArray | null {
        pattern.lastIndex = this.position;
        const found = pattern.exec(this.line);
        if (found) {
            this.position = pattern.lastIndex;
        }
        return found;
    }

    protected skipSpaces(): void {
        this.match(SPACES);
    }

    /** A value of JSON as it is, spaces and all, if one begins here and closes. */
    protected json(texts: boolean): string {
        const first = this.line[this.position];
        const end = first === '{' || first === '[' || (texts && first === '"') ? endOfJson(this.line, this.position) : undefined;
        if (end === undefined) {
            return '';
        }
        const found = this.line.slice(this.position, end);
        this.position = end;
        return found;
    }

    /** Up to the next space that is not in quotes. */
    protected plain(): string {
        let text = '';
        for (; !this.done; this.position++) {
            const character = this.line[this.position];
            if (character === ' ' || character === '\t') {
                break;
            } else if (character === '\'') {
                text += this.literal();
            } else if (character === '"') {
                text += this.quoted();
            } else if (character === '\\' && this.position + 1 < this.line.length) {
                text += this.line[++this.position];
            } else {
                text += character;
            }
        }
        return text;
    }

    protected literal(): string {
        const end = this.line.indexOf('\'', this.position + 1);
        if (end === -1) {
            throw new SyntaxProblem('A \' is left open: close the quote.');
        }
        const text = this.line.slice(this.position + 1, end);
        this.position = end;
        return text;
    }

    protected quoted(): string {
        let text = '';
        for (this.position++; this.position < this.line.length; this.position++) {
            const character = this.line[this.position];
            if (character === '"') {
                return text;
            }
            const escaped = character === '\\' ? ESCAPED_IN_QUOTES[this.line[this.position + 1]] : undefined;
            if (escaped !== undefined) {
                this.position++;
            }
            text += escaped ?? character;
        }
        throw new SyntaxProblem('A " is left open: close the quote.');
    }
}

/** Where the value of JSON ends that begins at `start` with a bracket or a quote; nothing if it does not. */
function endOfJson(line: string, start: number): number | undefined {
    const closing: string[] = [];
    for (let index = start; index < line.length; index++) {
        const character = line[index];
        if (character === '"') {
            for (index++; index < line.length && line[index] !== '"'; index++) {
                if (line[index] === '\\') {
                    index++;
                }
            }
            if (index >= line.length) {
                return undefined;
            }
        } else if (character === '{' || character === '[') {
            closing.push(character === '{' ? '}' : ']');
        } else if (character === '}' || character === ']') {
            if (closing.pop() !== character) {
                return undefined;
            }
        }
        if (!closing.length) {
            return index + 1;
        }
    }
    return undefined;
}
