"""Chat templates in the shapes of those that people use, and tiny tokenizers that carry them.

Responsible for shapes alone: who is named how, what ends a turn, what is injected and refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from evidence.records.record import Record


class Shape(Record):
    """A template, the special tokens that it writes, and which of them end a turn and a text."""

    template: str
    specials: tuple[str, ...]
    end: str
    bos: str | None = None
    takes_system: bool = True
    takes_tools: bool = False


CHATML: Final = Shape(
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    ("<|im_start|>", "<|im_end|>"),
    "<|im_end|>",
)
QWEN: Final = Shape(
    "{%- set own = messages[0].role == 'system' %}"
    "{{- '<|im_start|>system\n' + (messages[0].content if own else 'You are of use.') }}"
    "{%- if tools %}{{- '\n\n# Tools\n' }}{%- for t in tools %}{{- t | tojson + '\n' }}"
    "{%- endfor %}{%- endif %}{{- '<|im_end|>\n' }}"
    "{%- for m in messages %}"
    "{%- if m.role == 'tool' %}"
    "{{- '<|im_start|>user\n<answer>\n' + m.content + '\n</answer><|im_end|>\n' }}"
    "{%- elif m.role != 'system' or not loop.first %}"
    "{{- '<|im_start|>' + m.role + '\n' }}"
    "{%- if m.content %}{{- m.content }}{%- endif %}"
    "{%- for c in m.tool_calls or [] %}"
    "{{- '<call>' + c.function.name + ' ' + c.function.arguments | tojson + '</call>' }}"
    "{%- endfor %}{{- '<|im_end|>\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and not enable_thinking %}"
    "{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}",
    ("<|im_start|>", "<|im_end|>", "<|endoftext|>"),
    "<|im_end|>",
    takes_tools=True,
)
LLAMA3: Final = Shape(
    "{{- bos_token }}{% for m in messages %}"
    "{{- '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim"
    " + '<|eot_id|>' }}{% endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    "<|eot_id|>",
    bos="<|begin_of_text|>",
)
LLAMA3_DATED: Final = Shape(
    "{%- if date_string is not defined %}{%- if strftime_now is defined %}"
    "{%- set date_string = strftime_now('%d %b %Y') %}{%- endif %}{%- endif %}"
    "{{- 'Today: ' + date_string + '\n' }}" + LLAMA3.template,
    LLAMA3.specials,
    LLAMA3.end,
    bos=LLAMA3.bos,
)
GEMMA: Final = Shape(
    "{{ bos_token }}{% if messages[0].role == 'system' %}"
    "{{ raise_exception('no system prompt here') }}{% endif %}"
    "{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('user and assistant take turns') }}{% endif %}"
    "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n'"
    " + m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
    ("<bos>", "<start_of_turn>", "<end_of_turn>"),
    "<end_of_turn>",
    bos="<bos>",
    takes_system=False,
)
MISTRAL: Final = Shape(
    "{% if messages[0].role == 'system' %}{% set said = messages[0].content + '\n\n' %}"
    "{% set rest = messages[1:] %}{% else %}{% set said = '' %}{% set rest = messages %}{% endif %}"
    "{{ bos_token }}{% for m in rest %}{% if m.role == 'user' %}"
    "{{ '[INST] ' + (said if loop.first else '') + m.content + '[/INST]' }}"
    "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}",
    ("<s>", "</s>", "[INST]", "[/INST]"),
    "</s>",
    bos="<s>",
)
PHI: Final = Shape(
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
    ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
    "<|end|>",
)
MARKED: Final = Shape(
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% else %}"
    "{{ m.content }}<|im_end|>{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    CHATML.specials,
    CHATML.end,
)
NO_END: Final = Shape(
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    CHATML.specials,
    CHATML.end,
)
EVERY: Final = {
    "chatml": CHATML, "qwen": QWEN, "llama3": LLAMA3, "gemma": GEMMA, "mistral": MISTRAL,
    "phi": PHI, "marked": MARKED,
}  # fmt: skip

PAD: Final = "<pad>"
TEXTS: Final = ("What is 3 plus 4? It is 7.", "Who are you? A model.", "You are of use.")


def tokenizer_of(shape: Shape, *, texts: Sequence[str] = TEXTS, adds_bos: bool = False) -> Any:
    """A byte-level tokenizer with the shape's special tokens and its template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        special_tokens=[PAD, *shape.specials],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    plain.train_from_iterator(list(texts) * 4, trainer)
    if adds_bos and shape.bos is not None:
        plain.post_processor = processors.TemplateProcessing(
            single=f"{shape.bos} $A", special_tokens=[(shape.bos, plain.token_to_id(shape.bos))]
        )
    named = {"pad_token": PAD, "bos_token": shape.bos, "eos_token": shape.end}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, **named)
    tokenizer.chat_template = shape.template
    return tokenizer
