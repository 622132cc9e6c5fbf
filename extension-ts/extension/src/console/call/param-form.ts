import { element } from '../dom';
import { Api, MethodDescription } from '../syntax/api';
import { Params } from '../syntax/call';
import { BytesField } from './bytes-field';
import { Field, makeField, problemOf } from './field';

/** What is in a form. */
export interface FormContent {
    readonly params: Params;
    /** By parameter, the files whose contents they are. */
    readonly files: Readonly<Record<string, string>>;
    /** Whether all that is required is there, and all of it is of its type. */
    readonly complete: boolean;
}

/** The form of a method's parameters. */
export class ParamForm {

    readonly node: HTMLElement;

    protected readonly fields: readonly Field[];
    protected readonly optional: HTMLDetailsElement;

    /** @param changed the user has changed something. */
    constructor(method: MethodDescription, api: Api, files: Map<string, Uint8Array>, changed: () => void) {
        this.fields = method.params.map(param => api.type(param.schema).kind === 'bytes'
            ? new BytesField(param, api, changed, files)
            : makeField(param, api, changed));
        const required = this.fields.filter(({ param }) => param.required);
        const optional = this.fields.filter(({ param }) => !param.required);
        this.optional = element('details', { class: 'optional' },
            element('summary', {}, 'Optional', element('span', { class: 'names' }, optional.map(({ param }) => param.name).join(', '))),
            element('div', { class: 'fields' }, ...optional.map(({ node }) => node)));
        this.node = element('div', { class: 'form', role: 'group', 'aria-label': `Parameters of ${method.name}` },
            ...required.map(({ node }) => node), optional.length > 0 && this.optional);
        if (!method.params.length) {
            this.node.append(element('p', { class: 'hint' }, 'It takes no parameters.'));
        }
    }

    /** @param strict whether what is missing is complained about. */
    read(strict: boolean): FormContent {
        const params: Record<string, unknown> = {};
        const files: Record<string, string> = {};
        let complete = true;
        for (const field of this.fields) {
            const { name, required } = field.param;
            let problem: string | undefined;
            try {
                const value = field.read();
                if (value !== undefined) {
                    params[name] = value;
                } else if (required) {
                    complete = false;
                    problem = strict ? `${name} is required.` : undefined;
                }
                if (field.fileName !== undefined) {
                    files[name] = field.fileName;
                }
            } catch (error) {
                problem = problemOf(error);
                complete = false;
            }
            field.complain(problem);
        }
        return { params, files, complete };
    }

    write(params: Params): void {
        for (const field of this.fields) {
            field.write(params[field.param.name]);
            field.complain(undefined);
        }
        if (this.fields.some(({ param }) => !param.required && param.name in params)) {
            this.optional.open = true;
        }
    }

    /** To the first field that has something wrong in it, else to the first. */
    focus(): void {
        const wrong = this.node.querySelector<HTMLElement>('[aria-invalid=true]');
        (wrong ?? this.node.querySelector<HTMLElement>('input, textarea, select'))?.focus();
    }
}
