/** One command of a script, on one or more lines. */
export interface ScriptLine {
    /** Of its first line, counted from 1. */
    readonly number: number;
    /** Without the `-` in front. */
    readonly text: string;
    /** It began with `-`: when it fails the script goes on. */
    readonly mayFail: boolean;
}

/** The commands of a script, without comments and empty lines. */
export function readScript(script: string): ScriptLine[] {
    const found: ScriptLine[] = [];
    const lines = script.split(/\r?\n/);
    for (let index = 0; index < lines.length; index++) {
        const number = index + 1;
        let line = lines[index];
        if (!line.trim() || line.startsWith('#')) {
            continue;
        }
        while (line.endsWith('\\') && index + 1 < lines.length) {
            line = line.slice(0, -1) + lines[++index];
        }
        const mayFail = line.startsWith('-');
        found.push({ number, text: (mayFail ? line.slice(1) : line).trim(), mayFail });
    }
    return found;
}
