import * as assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProcessTaskConfiguration } from '@theia/task/lib/common/process/task-protocol';
import { toTaskCommand } from '../browser/tasks/task-command';

function task(properties: Partial<ProcessTaskConfiguration>): ProcessTaskConfiguration {
    return { label: 'test', type: 'shell', _scope: 'file:///workspace', command: 'echo', ...properties };
}

describe('Commands of tasks', () => {

    it('puts quotes around arguments of a shell task that need them', () => {
        const args = ['plain', 'two words', `it's`, '$HOME', '"quoted already"', '--name="two words"', 'escaped\\ space', ''];
        const { terminal, line } = toTaskCommand(task({ args }));
        assert.equal(line, `echo plain 'two words' 'it'"'"'s' $HOME "quoted already" --name="two words" escaped\\ space ''`);
        assert.deepEqual(terminal, { args: ['-c', line] });
    });

    it('leaves a whole command line as it is, and runs it by the shell that is asked for', () => {
        const { terminal } = toTaskCommand(task({
            command: 'make && echo "$MADE"',
            options: { cwd: 'file:///workspace/a%20b', env: { MADE: 'yes', PAGER: undefined }, shell: { executable: '/bin/zsh', args: ['-l', '-c'] } }
        }));
        assert.deepEqual(terminal, {
            command: '/bin/zsh', args: ['-l', '-c', 'make && echo "$MADE"'], cwd: '/workspace/a b', env: { MADE: 'yes', PAGER: null }
        });
    });

    it('gives a program its arguments as they are', () => {
        const { terminal } = toTaskCommand(task({ type: 'process', command: '/bin/ls', args: ['a b', '$HOME'] }));
        assert.deepEqual(terminal, { command: '/bin/ls', args: ['a b', '$HOME'] });
    });

    it('prefers what is said for Linux', () => {
        const { line } = toTaskCommand(task({ args: ['elsewhere'], linux: { command: 'ls', args: ['here'] } }));
        assert.equal(line, 'ls here');
    });

    it('tells which task has no command', () => {
        assert.throws(() => toTaskCommand(task({ label: 'empty', command: undefined })), /'empty' has no command/);
    });
});
