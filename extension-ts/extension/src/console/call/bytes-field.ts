import { element } from '../dom';
import { formatBytes } from '../format';
import { Api, Param } from '../syntax/api';
import { base64ToBytes, fileToBase64, readableText, textToBase64 } from '../syntax/base64';
import { SyntaxProblem } from '../syntax/words';
import { Field } from './field';

type Form = 'text' | 'base64' | 'file';

const FORMS: readonly [Form, string][] = [['text', 'Text'], ['base64', 'Base64'], ['file', 'File']];

/** Bytes: as text, as base64, or those of a file of the user's computer. */
export class BytesField extends Field {

    protected readonly control: HTMLTextAreaElement;
    protected readonly form: HTMLSelectElement;
    protected readonly picker: HTMLInputElement;
    protected readonly picked = element('span', { class: 'picked' });
    protected file: { readonly name: string, readonly content: Uint8Array } | undefined;
    protected shown: Form = 'text';
    /** The value is empty, and not missing. */
    protected given = false;

    /** @param files where contents of files are found by whoever reads the line. */
    constructor(param: Param, api: Api, changed: () => void, protected readonly files: Map<string, Uint8Array>) {
        super(param, api, changed);
        this.control = element('textarea', {
            ...this.attributes(), rows: 3, spellcheck: 'false', class: 'code structured', oninput: () => {
                this.given = true;
                changed();
            }
        });
        this.picker = element('input', { type: 'file', 'aria-label': `File for ${param.name}`, onchange: () => this.pick() });
        this.form = element('select', { 'aria-label': `How ${param.name} is given`, class: 'form-of-bytes', onchange: () => this.switchTo(this.form.value as Form) },
            ...FORMS.map(([value, label]) => element('option', { value }, label)));
        this.node.append(this.form, this.control, element('div', { class: 'picker' }, this.picker, this.picked), this.complaint);
        this.show('text');
    }

    override get fileName(): string | undefined {
        return this.form.value === 'file' ? this.file?.name : undefined;
    }

    override read(): unknown {
        switch (this.form.value as Form) {
            case 'text':
                return this.control.value || this.given ? textToBase64(this.control.value) : undefined;
            case 'base64':
                return this.readBase64();
            case 'file':
                return this.file && fileToBase64(this.file.content);
        }
    }

    override write(value: unknown): void {
        this.given = value !== undefined;
        if (typeof value !== 'string') {
            this.control.value = '';
            this.file = undefined;
            this.show(this.form.value as Form);
            return;
        }
        if (this.file && fileToBase64(this.file.content) === value) {
            this.show('file');
            return;
        }
        const text = readableText(this.bytesOf(value));
        this.control.value = text ?? value;
        this.show(text === undefined ? 'base64' : 'text');
    }

    protected readBase64(): string | undefined {
        const text = this.control.value.replace(/\s/g, '');
        if (!text && !this.given) {
            return undefined;
        }
        try {
            base64ToBytes(text);
        } catch {
            throw new SyntaxProblem(`${this.param.name} is not base64.`);
        }
        return text;
    }

    protected bytesOf(value: string): Uint8Array {
        try {
            return base64ToBytes(value);
        } catch {
            return Uint8Array.of(0);
        }
    }

    /** What there is stays the same bytes, as far as they can be shown so. */
    protected switchTo(form: Form): void {
        let value: unknown;
        try {
            this.form.value = this.shown;
            value = this.read();
        } catch {
            value = undefined;
        }
        const bytes = typeof value === 'string' ? this.bytesOf(value) : undefined;
        if (form === 'text') {
            this.control.value = bytes ? readableText(bytes) ?? '' : '';
        } else if (form === 'base64') {
            this.control.value = typeof value === 'string' ? value : '';
        }
        this.show(form);
        this.changed();
        if (form === 'file') {
            this.picker.focus();
        }
    }

    protected show(form: Form): void {
        this.shown = form;
        this.form.value = form;
        this.control.hidden = form === 'file';
        this.picker.parentElement!.hidden = form !== 'file';
        this.picked.textContent = this.file ? `${this.file.name}, ${formatBytes(this.file.content.byteLength)}` : 'It is read here, and sent with the call.';
    }

    protected async pick(): Promise<void> {
        const file = this.picker.files?.[0];
        if (file) {
            this.file = { name: file.name, content: new Uint8Array(await file.arrayBuffer()) };
            this.files.set(file.name, this.file.content);
            this.show('file');
            this.changed();
        }
    }
}
