import { maskAssignments } from '../../common/frames/secrets';
import { Api } from './api';
import { parseCall } from './call';
import { printCall, printShared } from './print';

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
    return joinedLines(script).filter(({ text }) => !isRemark(text)).map(({ number, text }) => {
        const mayFail = text.startsWith('-');
        return { number, text: (mayFail ? text.slice(1) : text).trim(), mayFail };
    });
}

/** The script without what is secret in it, to be given to others; lines that have no secrets are as they were written. */
export function shareScript(script: string, api: Api): string {
    return joinedLines(script).map(({ text, written }) => isRemark(text) ? maskAssignments(written) : shareLine(text, written, api)).join('\n');
}

interface JoinedLine {
    readonly number: number;
    readonly text: string;
    /** With the ends of lines in it. */
    readonly written: string;
}

function joinedLines(script: string): JoinedLine[] {
    const lines = script.split(/\r?\n/);
    const joined: JoinedLine[] = [];
    for (let index = 0; index < lines.length; index++) {
        const number = index + 1;
        let text = lines[index];
        let written = text;
        while (!isRemark(text) && text.endsWith('\\') && index + 1 < lines.length) {
            index++;
            text = text.slice(0, -1) + lines[index];
            written += `\n${lines[index]}`;
        }
        joined.push({ number, text, written });
    }
    return joined;
}

function isRemark(line: string): boolean {
    return !line.trim() || line.startsWith('#');
}

function shareLine(text: string, written: string, api: Api): string {
    const [, before, line] = /^(-?\s*(?:(?:repeat|every)\s+\S+\s+)?)([^]*)$/.exec(text)!;
    try {
        const call = parseCall(line, api);
        const shared = printShared(call, api);
        return shared === printCall(call, api) ? written : before + shared;
    } catch {
        return maskAssignments(written);
    }
}
