#!/bin/sh
# Train the project's own two models again: `./dev train-models`. Training runs in a virtual environment of its own;
# measuring runs in the product's, with the engines that will run the models.
set -eu
cd "$(dirname "$0")/../.."

venv=.venv-train
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/python -m pip install --disable-pip-version-check -q -r demo/models/requirements.txt
for model in inspection assistant; do
    $venv/bin/python -u -m demo.models.$model.train
    .venv/bin/python -m demo.models.$model.certify
done
