import { element, uniqueId } from '../dom';
import { Api, Param, Type } from '../syntax/api';
import { parseValue } from '../syntax/call';
import { SyntaxProblem } from '../syntax/words';
import { typeText } from '../type-text';

/** A parameter's part of a form: its name and type, a control, and the line that says what is wrong. */
export abstract class Field {

    readonly node: HTMLElement;
    protected readonly id = uniqueId('param');
    protected readonly complaint: HTMLElement;
    protected readonly type: Type;

    constructor(readonly param: Param, protected readonly api: Api, protected readonly changed: () => void) {
        const { name, required, schema } = param;
        this.type = api.type(schema);
        this.complaint = element('p', { class: 'complaint', id: `${this.id}-complaint` });
        const small = ['integer', 'number', 'boolean', 'enum'].includes(this.type.kind);
        this.node = element('div', { class: small ? 'field small' : 'field' },
            element('div', { class: 'head' }, element('label', { for: this.id }, name),
                required && element('span', { class: 'required', 'aria-hidden': 'true' }, '*'),
                element('span', { class: 'type', id: `${this.id}-type` }, typeText(schema, api))));
    }

    /**
     * What is in it; `undefined` for nothing.
     *
     * @throws SyntaxProblem if it is not of the parameter's type.
     */
    abstract read(): unknown;

    /** Shows a value, or with `undefined` none. */
    abstract write(value: unknown): void;

    /** The file its value comes from. */
    get fileName(): string | undefined {
        return undefined;
    }

    protected abstract readonly control: HTMLElement;

    complain(problem: string | undefined): void {
        this.complaint.textContent = problem ?? '';
        if (problem) {
            this.control.setAttribute('aria-invalid', 'true');
        } else {
            this.control.removeAttribute('aria-invalid');
        }
    }

    /** What all controls have. */
    protected attributes(): Record<string, string | boolean | (() => void)> {
        return { id: this.id, 'aria-describedby': `${this.id}-type ${this.id}-complaint`, 'aria-required': this.param.required ? 'true' : 'false', oninput: this.changed };
    }
}

/** A choice from a list: of an enumeration, or of true and false. */
class ChoiceField extends Field {

    protected readonly control: HTMLSelectElement;
    /** By the option's position; the first one stands for no value. */
    protected readonly values: readonly unknown[];

    constructor(param: Param, api: Api, changed: () => void) {
        super(param, api, changed);
        const { kind, nullable, choices } = this.type;
        this.values = [undefined, ...kind === 'boolean' ? [true, false] : choices, ...nullable ? [null] : []];
        const usual = param.required ? 'choose…' : param.schema.default === undefined ? 'not given' : `default: ${String(param.schema.default)}`;
        this.control = element('select', this.attributes(),
            ...this.values.map((value, index) => element('option', { value: index }, value === undefined ? usual : String(value))));
        this.node.append(this.control, this.complaint);
    }

    override read(): unknown {
        return this.values[this.control.selectedIndex];
    }

    override write(value: unknown): void {
        this.control.selectedIndex = Math.max(0, this.values.indexOf(value));
    }
}

/** A text, from which the value is read as from a line. */
class TextField extends Field {

    protected readonly control: HTMLTextAreaElement;

    constructor(param: Param, api: Api, changed: () => void) {
        super(param, api, changed);
        const usual = param.schema.default;
        const shown = usual === undefined || usual === null || usual === '' ? '' : `default: ${typeof usual === 'string' ? usual : JSON.stringify(usual)}`;
        const structured = ['array', 'object', 'any'].includes(this.type.kind);
        this.control = element('textarea', {
            ...this.attributes(), rows: structured ? 2 : 1, spellcheck: 'false', autocapitalize: 'none', class: structured ? 'code structured' : 'code',
            placeholder: shown || (this.type.kind === 'array' ? '["…"]' : this.type.kind === 'object' ? '{"…": …}' : '')
        });
        this.node.append(this.control, this.complaint);
    }

    override read(): unknown {
        const text = this.control.value;
        return text === '' ? undefined : parseValue(this.param.name, text, this.type, this.api);
    }

    override write(value: unknown): void {
        const plain = this.type.kind === 'string' || this.type.kind === 'enum';
        this.control.value = value === undefined || (plain && value === null) ? '' : plain && typeof value === 'string' ? value : JSON.stringify(value);
    }
}

export function makeField(param: Param, api: Api, changed: () => void): Field {
    const { kind } = api.type(param.schema);
    return kind === 'enum' || kind === 'boolean' ? new ChoiceField(param, api, changed) : new TextField(param, api, changed);
}

/** What is wrong with what was written; any other error is thrown again. */
export function problemOf(error: unknown): string {
    if (error instanceof SyntaxProblem) {
        return error.message;
    }
    throw error;
}
