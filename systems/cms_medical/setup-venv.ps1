# Makes the virtual environment "venv" beside this script and installs what locustfile.py needs.
#
#   .\setup-venv.ps1                   with the Python that "python" starts
#   .\setup-venv.ps1 -Python py        with another one
#
# Afterwards: .\venv\Scripts\Activate.ps1

param([string] $Python = "python")

$ErrorActionPreference = "Stop"

# The exit code of a program does not stop a script by itself.
function Invoke-Step([string] $What, [scriptblock] $Step) {
    Write-Host $What
    & $Step
    if ($LASTEXITCODE -ne 0) { throw "$What failed with exit code $LASTEXITCODE" }
}

# The path in requirements-locust.txt is relative to this folder.
Push-Location $PSScriptRoot
try {
    if (-not (Get-Command $Python -ErrorAction SilentlyContinue)) {
        throw "There is no program '$Python'. Install Python 3.11 or later, or name one: .\setup-venv.ps1 -Python C:\path\to\python.exe"
    }
    Invoke-Step "Checking the version of Python" {
        & $Python -c "import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else 'Python 3.11 or later is needed, this is %d.%d' % v[:2])"
    }

    # On Windows a venv has Scripts, elsewhere bin.
    $onWindows = ($PSVersionTable.PSEdition -ne "Core") -or $IsWindows
    $folder = if ($onWindows) { "Scripts" } else { "bin" }
    $venvPython = Join-Path (Join-Path (Join-Path $PSScriptRoot "venv") $folder) "python"

    if (-not (Test-Path "venv")) {
        Invoke-Step "Making venv" { & $Python -m venv venv }
    }
    Invoke-Step "Installing requirements-locust.txt" {
        & $venvPython -m pip install --disable-pip-version-check -r requirements-locust.txt
    }
}
finally {
    Pop-Location
}

Write-Host ""
Write-Host "Done. Next:"
Write-Host "  .\venv\$folder\Activate.ps1"
Write-Host "  locust -f locustfile.py --host=http://localhost:5000"
